package dev.berth.sandbox;

/**
 * The AppArmor profile of containers that ask for none: everything an ordinary program does, and
 * nothing that changes the node. It is a second line behind capabilities and read-only paths.
 */
final class DefaultAppArmorProfile {
  private DefaultAppArmorProfile() {}

  /** Returns the profile in the language of apparmor.d(5), without includes. */
  static String named(String name) {
    return """
    profile %1$s flags=(attach_disconnected,mediate_deleted) {
      network,
      capability,
      file,
      umount,
      deny mount,

      # whoever runs the container may end it, confined or not; processes of one profile may signal each other
      signal (receive) peer=unconfined,
      signal (receive) peer=runc,
      signal (receive) peer=crun,
      signal (send,receive) peer=%1$s,
      ptrace (trace,read,tracedby,readby) peer=%1$s,

      # in /proc only the processes' own directories and kernel.shm* are written to
      deny /proc/* w,
      deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,
      deny /proc/sys/[^k]** w,
      deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,
      deny /proc/sysrq-trigger rwklx,
      deny /proc/kcore rwklx,

      # in /sys only the container's own cgroups
      deny /sys/[^f]*/** wklx,
      deny /sys/f[^s]*/** wklx,
      deny /sys/fs/[^c]*/** wklx,
      deny /sys/fs/c[^g]*/** wklx,
      deny /sys/fs/cg[^r]*/** wklx,
      deny /sys/firmware/** rwklx,
      deny /sys/devices/virtual/powercap/** rwklx,
      deny /sys/kernel/security/** rwklx,
    }
    """
        .formatted(name);
  }
}
