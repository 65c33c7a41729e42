package dev.berth.cri.config;

/** Who makes cgroups. */
public enum CgroupDriver {
  /** Berth itself, by mkdir. */
  CGROUPFS,
  /** systemd, asked for scopes over D-Bus. */
  SYSTEMD
}
