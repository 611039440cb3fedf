#!/usr/bin/perl
# A filter for doxygen: prints a header with comments that stand elsewhere or mean the same in every class. A field of an
# options struct gets its description in the list of fields; members that copy, move, or take the options get a sentence.
use strict;
use warnings;

my ($header) = @ARGV;
my ($folder) = $header =~ m{([a-z]+)/[^/]+\.h$};

# Descriptions by struct and field; under "" those of lists that are shared by several structs.
my %described;
for my $source (defined $folder ? glob("$folder/*.cpp $folder/*.h $folder/internal/*.h") : ()) {
  open my $in, '<', $source or die "$source: $!";
  local $/;
  my $text = <$in>;
  my @parts = split /using O = (\w+);/, $text;
  my @named = ('', @parts);
  while (@named) {
    my ($struct, $part) = splice @named, 0, 2;
    while ($part =~ /field\(\s*"\w+",\s*&\w+::(\w+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)/g) {
      my ($field, $what) = ($1, $2);
      $what =~ s/"\s*"//g;
      $what =~ s/^"|"\s*$//g;
      $what =~ s/\\"/"/g;
      $described{$struct}{$field} //= ucfirst($what) . '.';
    }
  }
}

# The comment of a member that has the same meaning in every class, or undef.
sub usual_comment {
  my ($line) = @_;
  return undef if $line =~ /= delete/;
  return 'Copies.' if $line =~ /^\s+(\w+)\(const \1& ?\w*\)/ || $line =~ /operator=\(const \w+&/;
  return 'Moves.' if $line =~ /^\s+(\w+)\(\1&& ?\w*\)/ || $line =~ /operator=\(\w+&&/;
  return 'The name, member and description of each field.' if $line =~ /static const Fields& fields\(\);/;
  return 'The arguments of the constructor.' if $line =~ /using Options = /;
  return 'Constructs from the options, by name.' if $line =~ /^\s+explicit \w+\((const )?\w*Options&? options(\)| = \{\}\))/;
  return undef;
}

open my $in, '<', $header or die "$header: $!";
my ($struct, $commented, $grouped) = ('', 0, 0);
while (my $line = <$in>) {
  $struct = $1 if $line =~ /^struct (\w+) \{/;
  $struct = '' if $line =~ /^\};/;
  if ($struct ne '' && !$commented && $line !~ m{///<} && $line =~ /^  [^()]*?(\w+)( = [^;]*|\{[^;]*\})?;\s*$/) {
    my $what = $described{$struct}{$1} // $described{''}{$1};
    chomp $line, $line .= "  ///< $what\n" if defined $what;
  }
  $grouped = 1 if $line =~ m{///\@\{};
  $grouped = 0 if $line =~ m{///\@\}};
  my $usual = $commented || $grouped ? undef : usual_comment($line);
  $commented = $line =~ m{^\s*///(?!@\})};
  print "/// $usual\n" if defined $usual;
  print $line;
}
