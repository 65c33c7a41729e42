package dev.berth.sandbox;

/** Who makes cgroups. */
public enum CgroupDriver {
  /** Berth itself, by mkdir. */
  CGROUPFS,
  /** systemd, asked for scopes over D-Bus. */
  SYSTEMD
}
