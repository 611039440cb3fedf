#!/usr/bin/perl
# A filter for doxygen: prints a page in Markdown for the manual. Pages and headings get names, so that links can reach them
# ("design_scan_layout" for "## Layout" of docs/design/scan.md); links to other pages, headings, programs and folders become
# links within the manual; a page is a subpage of the index of its folder.
use strict;
use warnings;
use Cwd 'getcwd';
use File::Basename;
use File::Spec;

# docs/first_hour.md is first_hour, docs/design/scan.md design_scan, SECURITY.md security.
sub page_name {
  my ($path) = @_;
  return 'mainpage' if $path eq 'docs/index.md';
  $path =~ s{^docs/}{};
  $path =~ s{\.md$}{};
  $path =~ s{/}{_}g;
  return lc $path;
}

# The page that lists a page.
sub parent_of {
  my ($path) = @_;
  my $folder = dirname($path);
  return 'docs/index.md' if $path =~ m{^(docs/)?[^/]+\.md$};
  return "$folder/README.md" if basename($path) ne 'README.md';
  $folder = dirname($folder);
  return $folder =~ m{^(\.|docs)$} ? 'docs/index.md' : "$folder/README.md";
}

# As GitHub names the anchor of a heading.
sub slug {
  my ($heading) = @_;
  $heading = lc $heading;
  $heading =~ s/[^\w\- ]//g;
  $heading =~ s/ /-/g;
  return $heading;
}

# The file of the manual that shows a program.
sub program_page {
  my ($path) = @_;
  $path =~ s{/}{_2}g;
  $path =~ s{\.}{_8}g;
  return "$path-example.html";
}

sub relative {
  my ($folder, $target) = @_;
  my @parts;
  for my $part (split m{/}, "$folder/$target") {
    next if $part eq '' || $part eq '.';
    if ($part eq '..') { pop @parts } else { push @parts, $part }
  }
  return join '/', @parts;
}

my $page = File::Spec->abs2rel($ARGV[0], getcwd());
my $name = page_name($page);
my $folder = dirname($page);
my %listed;

sub link_to {
  my ($text, $target) = @_;
  return "[$text]($target)" if $target =~ m{^(\w+:|\@)};
  my ($file, $anchor) = $target =~ /^([^#]*)(?:#(.*))?$/;
  my $path = $file eq '' ? $page : relative($folder, $file);
  $path .= '/README.md' if -d $path && -e "$path/README.md";
  if ($path =~ /\.md$/ && -e $path) {
    my $to = page_name($path);
    return "[$text](\@ref ${to}_" . $anchor =~ s/-/_/gr . ')' if defined $anchor;
    return "[$text](index.html)" if $to eq 'mainpage';
    return "\@subpage $to \"$text\"" if parent_of($path) eq $page && !$listed{$path}++;
    return "[$text]($to.html)";
  }
  return "[$text](" . program_page($path) . ')' if $path =~ m{^examples/.*\.(cpp|h)$};
  return "[$text](" . basename($path) . ')' if $path =~ m{^docs/pictures/};  # Doxygen copies pictures that pages show.
  return "[$text](examples.html)" if -d $path && $path =~ m{^examples};
  return "[$text]($target)";  # scripts/check-links.pl says that it is dead.
}

# Text without code blocks. Code spans stay as they are, but in doxygen a single quote ends one that begins with one
# backtick.
sub translated {
  my ($text) = @_;
  my $result = '';
  while ($text =~ /\G(?:(`+)((?:(?!\n\n).)+?)(?<!`)\1(?!`)|(!?)\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)|(.))/gs) {
    my ($ticks, $code, $image, $label, $target, $other) = ($1, $2, $3, $4, $5, $6);
    if (defined $ticks) {
      $ticks = '``' if $ticks eq '`' && $code =~ /'/;
      $result .= "$ticks$code$ticks";
    } elsif ($image) {
      $result .= "![$label](" . basename($target) . ')';  # Doxygen finds pictures in its IMAGE_PATH.
    } else {
      $result .= defined $target ? link_to($label, $target) : $other;
    }
  }
  return $result;
}

open my $in, '<', $page or die "$page: $!";
my ($text, $fence, $hidden, $titled) = ('', '', 0, 0);
while (my $line = <$in>) {
  if ($hidden) {
    $hidden = $line !~ /-->/;
  } elsif ($fence ne '') {
    $fence = '' if $line =~ /^\s*$fence\s*$/;
    print $line;
  } elsif ($line =~ /^<!--/) {
    $hidden = $line !~ /-->/;
  } elsif ($line =~ /^\s*(```+)|^#/) {
    print translated($text);
    $text = '';
    $fence = $1 // '';
    if ($line =~ /^(#+) (.*)$/) {
      my ($level, $heading) = ($1, $2);
      my $label = $level eq '#' && !$titled++ ? $name : $name . '_' . slug($heading) =~ s/-/_/gr;
      $line = "$level $heading {#$label}\n";
    }
    print $line;
  } else {
    $text .= $line;
  }
}
print translated($text);
