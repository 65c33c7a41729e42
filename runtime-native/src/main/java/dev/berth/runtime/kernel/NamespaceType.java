package dev.berth.runtime.kernel;

import java.util.Arrays;
import java.util.Optional;

/** Kinds of namespaces: their names in config.json and /proc, and CLONE_NEW* of linux/sched.h. */
public enum NamespaceType {
  TIME("time", "time", 0x80),
  MOUNT("mount", "mnt", 0x2_0000),
  CGROUP("cgroup", "cgroup", 0x200_0000),
  UTS("uts", "uts", 0x400_0000),
  IPC("ipc", "ipc", 0x800_0000),
  USER("user", "user", 0x1000_0000),
  PID("pid", "pid", 0x2000_0000),
  NETWORK("network", "net", 0x4000_0000);

  private final String specName;
  private final String procName;
  private final int cloneFlag;

  NamespaceType(String specName, String procName, int cloneFlag) {
    this.specName = specName;
    this.procName = procName;
    this.cloneFlag = cloneFlag;
  }

  /** The name in config.json. */
  public String specName() {
    return specName;
  }

  /** The name of its file in /proc/PID/ns. */
  public String procName() {
    return procName;
  }

  /** The bit for clone3, unshare and setns. */
  public int cloneFlag() {
    return cloneFlag;
  }

  /** Finds a type by its name in config.json. */
  public static Optional<NamespaceType> ofSpecName(String name) {
    return Arrays.stream(values()).filter(type -> type.specName.equals(name)).findFirst();
  }

  static Optional<NamespaceType> ofCloneFlag(long flag) {
    return Arrays.stream(values()).filter(type -> type.cloneFlag == flag).findFirst();
  }
}
