#!/usr/bin/perl
# A filter for doxygen: prints a header with a comment at each field of an options struct that has none. The comment is
# the description in the list of fields, so that it stands once.
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

open my $in, '<', $header or die "$header: $!";
my ($struct, $commented) = ('', 0);
while (my $line = <$in>) {
  $struct = $1 if $line =~ /^struct (\w+) \{/;
  $struct = '' if $line =~ /^\};/;
  if ($struct ne '' && !$commented && $line !~ m{///<} && $line =~ /^  [^()]*?(\w+)( = [^;]*|\{[^;]*\})?;\s*$/) {
    my $what = $described{$struct}{$1} // $described{''}{$1};
    chomp $line, $line .= "  ///< $what\n" if defined $what;
  }
  $commented = $line =~ m{^\s*///};
  print $line;
}
