package dev.berth.runtime.task;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a process sees of itself and around it: the output of a script for busybox that looks, each
 * part under its name.
 */
record SpecObserver(Map<String, List<String>> parts) {
  private static final String MARK = "@@";

  /** Of other programs than the shell, which has variables of its own and may not be dumpable. */
  private static final String SCRIPT =
      """
      part() { echo "@@$1"; shift; "$@" 2>&1; }
      b=/bin/busybox
      part status $b cat /proc/self/status
      part limits $b cat /proc/self/limits
      part stat $b cat /proc/self/stat
      part mounts $b cat /proc/self/mountinfo
      for n in pid net ipc uts cgroup user mnt time; do part ns.$n $b readlink /proc/self/ns/$n; done
      part fds $b ls /proc/self/fd
      part cwd $b readlink /proc/self/cwd
      part hostname $b cat /proc/sys/kernel/hostname
      part domainname $b cat /proc/sys/kernel/domainname
      part personality $b cat /proc/self/personality
      part ioprio $b ionice
      part oom $b cat /proc/self/oom_score_adj
      part slack $b cat /proc/self/timerslack_ns
      part coredump $b cat /proc/self/coredump_filter
      part cgroups $b cat /proc/self/cgroup
      part environ $b hexdump -v -e '64/1 "%02x" "\\n"' /proc/self/environ
      part mkdir $b mkdir /tmp/made
      $b rmdir /tmp/made 2>/dev/null
      part devices $b stat -c '%n|%F|%t:%T|%a|%u:%g' /dev/device* /dev/more/device* /srv/device*
      part defaults $b stat -c '%n|%F|%t:%T' /dev/null /dev/zero /dev/full /dev/random /dev/tty
      part secret $b cat /srv/secret
      part full $b ls /srv/full
      part kept $b cat /srv/kept/below /srv/keptfile
      for f in net/ipv4/ip_unprivileged_port_start kernel/msgmax fs/mqueue/msg_max; do
        part sysctl.$f $b cat /proc/sys/$f
      done
      cd /sys/fs/cgroup
      for f in memory/memory.limit_in_bytes pids/pids.max cpu/cpu.shares cpu/cpu.cfs_quota_us \\
          cpu/cpu.cfs_period_us cpuset/cpuset.cpus memory.max pids.max cpu.max cpuset.cpus; do
        part cgroup.$f $b cat $f
      done
      """;

  static String script() {
    return SCRIPT;
  }

  static SpecObserver read(String output) {
    Map<String, List<String>> parts = new LinkedHashMap<>();
    for (String part : ("\n" + output).split("\n" + MARK, -1)) {
      List<String> lines = part.lines().toList();
      if (!lines.isEmpty() && !part.isBlank()) {
        parts.put(lines.getFirst(), lines.subList(1, lines.size()));
      }
    }
    return new SpecObserver(parts);
  }

  /** Of a process that a shell of the host starts. */
  static SpecObserver ofTheHost() throws IOException {
    Process process =
        new ProcessBuilder("/bin/busybox", "sh", "-c", "cd /; umask 022\n" + SCRIPT)
            .redirectErrorStream(true)
            .redirectInput(new java.io.File("/dev/null"))
            .start();
    return read(new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1));
  }

  List<String> lines(String part) {
    List<String> lines = parts.get(part);
    if (lines == null) {
      throw new AssertionError("nothing was seen of " + part + ", only of " + parts.keySet());
    }
    return lines;
  }

  String line(String part) {
    return String.join("\n", lines(part));
  }

  /** A line of /proc/self/status. */
  String status(String name) {
    return lines("status").stream()
        .filter(line -> line.startsWith(name + ":"))
        .map(line -> line.substring(name.length() + 1).strip())
        .findFirst()
        .orElse("absent");
  }

  /** A field of /proc/self/stat by its number in proc_pid_stat(5). */
  String stat(int field) {
    return line("stat").split(" ", -1)[field - 1];
  }

  /** Soft and hard limits by the names of /proc/self/limits. */
  Map<String, String> limits() {
    return lines("limits").stream()
        .skip(1)
        .collect(
            Collectors.toMap(
                line -> line.substring(0, 26).strip(),
                line -> line.substring(26, 68).strip().replaceAll("\\s+", " ")));
  }

  /** The environment, without what the shell itself adds. */
  Map<String, String> environment() {
    byte[] bytes = HexFormat.of().parseHex(String.join("", lines("environ")).replace(" ", ""));
    Map<String, String> variables = new HashMap<>();
    for (String entry : new String(bytes, StandardCharsets.UTF_8).split("\0", -1)) {
      int equals = entry.indexOf('=');
      if (equals > 0
          && !List.of("SHLVL", "PWD", "OLDPWD", "_").contains(entry.substring(0, equals))) {
        variables.put(entry.substring(0, equals), entry.substring(equals + 1));
      }
    }
    return variables;
  }

  /**
   * A line of mountinfo.
   *
   * @param flags of the mount itself
   * @param peers the optional fields: {@code shared:1} and so on
   * @param data of the file system
   */
  record SeenMount(
      String point, List<String> flags, List<String> peers, String type, String data) {}

  /** The mounts in order; of several at one place the last covers the others. */
  List<SeenMount> mounts() {
    return lines("mounts").stream()
        .map(line -> {
          String[] halves = line.split(" - ", 2);
          List<String> first = Arrays.asList(halves[0].split(" ", -1));
          String[] second = halves[1].split(" ", -1);
          return new SeenMount(
              first.get(4),
              List.of(first.get(5).split(",", -1)),
              first.subList(6, first.size()),
              second[0],
              second[2]);
        })
        .toList();
  }

  SeenMount mount(String point) {
    return mounts().stream()
        .filter(mount -> mount.point().equals(point))
        .reduce((_, last) -> last)
        .orElseThrow(() -> new AssertionError("nothing is mounted at " + point));
  }
}
