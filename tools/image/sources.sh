# shellcheck shell=bash
# sources SUITE COMPONENTS: apt lines of that suite and of its security updates, from where this machine has its own Debian.

# shellcheck disable=SC2016 # apt's own words
site() { apt-get indextargets 'Created-By: Packages' --format '$(SITE) $(CODENAME)' | awk -v want="$1" '$2 ~ want {print $1; exit}'; }

sources() {
  local main security
  main=$(site '^[a-z]+$') security=$(site '^[a-z]+-security$')
  [ -n "$main" ] || { echo "apt has no source of Debian here" >&2 && return 1; }
  printf 'deb %s %s %s\n' "$main" "$1" "$2"
  [ -z "$security" ] || printf 'deb %s %s-security %s\n' "$security" "$1" "$2"
}
