# Sourced by mvnw: points JAVA_HOME at a JDK 25, looking where distributions put one.
# Prints nothing when one is found; says in one line what to install when none is.
berth_jdk_feature() {
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
  sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

berth_find_jdk() {
  if [ -n "${JAVA_HOME-}" ] && [ "$(berth_jdk_feature "$JAVA_HOME")" = 25 ]; then
    return 0
  fi
  # The wrapper runs with globbing off (set -f), so the folders are listed by find.
  for berth_base in /usr/lib/jvm /opt /opt/java "${HOME:-/root}/.sdkman/candidates/java" "${HOME:-/root}/.jdks"; do
    [ -d "$berth_base" ] || continue
    for berth_jdk in $(find "$berth_base" -mindepth 1 -maxdepth 1 | sort); do
      if [ "$(berth_jdk_feature "$berth_jdk")" = 25 ]; then
        JAVA_HOME=$berth_jdk
        export JAVA_HOME
        return 0
      fi
    done
  done
  echo "berth: no JDK 25 found in JAVA_HOME, /usr/lib/jvm or /opt; install one (Debian 13: apt-get install openjdk-25-jdk-headless; any release: temurin-25-jdk) or set JAVA_HOME" >&2
  return 1
}

berth_find_jdk || exit 1
