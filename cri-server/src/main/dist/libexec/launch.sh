# Sourced by the launchers in bin, which set BERTH_HOME: finds a JDK 25 and becomes the JVM.
#
#   launch CACHE MAIN_CLASS JVM_FLAG... -- ARGUMENT...
#
# CACHE names the AOT cache in lib/aot. A cache is used only with the very JDK that made it, and the
# JVM checks by itself that the jars are the same; without one the program only starts slower.
#
# Options that others set for all of their JVMs are not for these. BERTH_JVM_OPTIONS is: its words,
# split at spaces, come after our own flags, for whoever looks into a process or makes it fail.

# The flags of every JVM of Berth, at dump time of a cache as well: they must not differ.
# stdout belongs to the program, so what the JVM itself has to say goes to stderr, and of a cache
# that does not fit it has nothing to say. The cache is mapped where it was made for: anywhere else
# the JVM writes to nearly all of its pages, which are then no longer the page cache's, shared and
# read as needed, but tens of megabytes of its own. No file is left in /tmp or the working directory.
# A node starts some hundred pods in its life, not ten thousand, so what a pod needs is compiled after
# a third of the usual number of calls: a sixth less time for a pod and a fifth less for a command, at
# the price of seven megabytes in both daemons.
BERTH_JVM_FLAGS='
  --enable-native-access=ALL-UNNAMED
  --sun-misc-unsafe-memory-access=deny
  -XX:+UnlockDiagnosticVMOptions
  -XX:ArchiveRelocationMode=0
  -XX:+UseSerialGC
  -XX:TieredStopAtLevel=1
  -XX:CompileThresholdScaling=0.3
  -XX:+UseCompactObjectHeaders
  -XX:-UsePerfData
  -XX:-MaxFDLimit
  -XX:+ExitOnOutOfMemoryError
  -XX:+ErrorFileToStderr
  -XX:-CreateCoredumpOnCrash
  -Xss512k
  -Xlog:disable
  -Xlog:all=warning,cds*=off,aot*=off:stderr
  -Dfile.encoding=UTF-8'

is_java_25() {
  [ -x "$1/bin/java" ] && [ -r "$1/release" ] || return 1
  while IFS= read -r release_line; do
    case $release_line in JAVA_VERSION=\"25*) return 0 ;; esac
  done <"$1/release"
  return 1
}

find_java() {
  for candidate in "${JAVA_HOME-}" "$BERTH_HOME/jre" /usr/lib/jvm/* /opt/* /opt/java/*; do
    if [ -n "$candidate" ] && is_java_25 "$candidate"; then
      JAVA_HOME=$candidate
      return 0
    fi
  done
  echo "${0##*/}: no Java 25 found in JAVA_HOME, /usr/lib/jvm or /opt" >&2
  exit 1
}

# Jars in a fixed order: a cache holds for one class path only.
class_path() {
  CLASS_PATH=
  for jar in "$BERTH_HOME"/lib/*.jar; do
    CLASS_PATH=$CLASS_PATH${CLASS_PATH:+:}$jar
  done
}

use_cache() { # name
  aot=$BERTH_HOME/lib/aot
  CACHE_FLAG=-Dberth.aot=none
  if [ -n "${BERTH_AOT_DUMP-}" ]; then
    CACHE_FLAG=-XX:AOTCacheOutput=$BERTH_AOT_DUMP
  elif [ -f "$aot/$1.aot" ] && cmp -s "$aot/release" "$JAVA_HOME/release"; then
    CACHE_FLAG=-XX:AOTCache=$aot/$1.aot
  fi
}

launch() {
  LC_ALL=C.UTF-8
  MALLOC_ARENA_MAX=1
  export LC_ALL MALLOC_ARENA_MAX
  unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
  cache=$1 main_class=$2
  shift 2
  find_java
  class_path
  own_flags=
  while [ "$1" != -- ]; do
    own_flags="$own_flags $1"
    shift
  done
  shift
  use_cache "$cache"
  set -f # the flags are split at spaces, and one of them has a star
  # shellcheck disable=SC2086
  exec "$JAVA_HOME/bin/java" $BERTH_JVM_FLAGS $own_flags ${BERTH_JVM_OPTIONS-} "$CACHE_FLAG" \
    "-Dberth.home=$BERTH_HOME" "-Dberth.init=$BERTH_HOME/bin/berth-init" \
    -cp "$CLASS_PATH" "$main_class" "$@"
}
