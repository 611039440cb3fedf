#!/usr/bin/perl
# Checks that the links and images of all pages in Markdown lead somewhere: to a file or folder of the tree, and to a heading
# if the link names one. With a folder, checks those of the manual there, too. Links to other sites are not followed. Prints the
# dead ones.
#   check-links.pl [build/docs/html]
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;

chdir dirname($0) . '/..' or die $!;
my $dead = 0;

sub dead_link {
  my ($where, $link) = @_;
  print STDERR "$where: dead link: $link\n";
  ++$dead;
}

sub content {
  my ($path) = @_;
  open my $in, '<', $path or die "$path: $!";
  local $/;
  return scalar <$in>;
}

# The anchors that GitHub makes of the headings of a page.
sub headings {
  my ($text) = @_;
  $text =~ s/^```.*?^```$//gms;
  my (%anchors, %times);
  while ($text =~ /^#+ (.*)$/mg) {
    my $anchor = lc $1;
    $anchor =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
    $anchor =~ s/[^\w\- ]//g;
    $anchor =~ s/ /-/g;
    my $before = $times{$anchor}++;
    $anchors{$before ? "$anchor-$before" : $anchor} = 1;
  }
  return \%anchors;
}

# All files in a folder and below it. A bare Debian has no File::Find.
sub files {
  my ($folder) = @_;
  opendir my $entries, $folder or die "$folder: $!";
  my @found;
  for my $name (sort readdir $entries) {
    my $path = "$folder/$name";
    next if $name =~ /^\.\.?$/ || $path =~ m{^\./(build|\.git)$} || -l $path;
    push @found, -d $path ? files($path) : $path;
  }
  return @found;
}

for my $page (map { s{^\./}{}r } grep { /\.md$/ } files('.')) {
  my $checked = content($page) =~ s/^```.*?^```$//gmsr;
  # A label may be in code: only code that contains a whole link is left out.
  $checked =~ s/(`+)((?:(?!\n\n).)+?)(?<!`)\1(?!`)/$2 =~ m{\]\(} ? '' : 'code'/gse;
  while ($checked =~ /\[[^\[\]]*\]\(([^()\s]+)\)/g) {
    my $link = $1;
    next if $link =~ /^\w+:/;
    my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
    my $target = $file eq '' ? $page : dirname($page) . "/$file";
    if (!-e $target) { dead_link($page, $link) }
    elsif (defined $anchor && !($target =~ /\.md$/ && headings(content($target))->{$anchor})) {
      dead_link($page, $link);
    }
  }
}

if (my $site = $ARGV[0]) {
  my (%anchors, %links);
  for my $file (grep { /\.(html|js|css|svg)$/ } files($site)) {
    my $text = content($file);
    if ($file =~ /\.html$/) {
      $anchors{abs_path($file)} = {map { $_ => 1 } $text =~ /\s(?:id|name)="([^"]+)"/g};
      $text =~ s/<pre class="fragment">.*?<\/pre>//gs;
      push @{$links{$file}}, $text =~ /\s(?:href|src|data)="([^"]*)"/g;
    } elsif ($file =~ /\.js$/) {
      # The tree at the side and the index of the search: pages only, since doxygen 1.9.4 has entries for anchors that it does
      # not write.
      push @{$links{$file}}, $text =~ /["']((?:\.\.\/)?[\w-]+\.html)(?:#\w+)?["']/g;
    } elsif ($file =~ /\.css$/) {
      push @{$links{$file}}, grep { !/^data:/ } $text =~ /url\(["']?([^"')]+)["']?\)/g;
    }
  }
  for my $file (sort keys %links) {
    for my $link (@{$links{$file}}) {
      next if $link =~ /^(\w+:|#$|$)/ || $link =~ /['"+]/;
      my ($path, $anchor) = $link =~ /^([^#?]*)[^#]*(?:#(.*))?$/;
      my $target = $path eq '' ? abs_path($file) : abs_path(dirname($file) . "/$path");
      if (!defined $target || !-e $target) { dead_link($file, $link) }
      elsif (defined $anchor && $anchor ne '' && !$anchors{$target}{$anchor}) { dead_link($file, $link) }
    }
  }
}
exit($dead > 0);
