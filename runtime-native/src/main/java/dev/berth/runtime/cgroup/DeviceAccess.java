package dev.berth.runtime.cgroup;

/**
 * Devices and what may be done with them.
 *
 * @param type {@code c}, {@code b} or, in a list of the kernel's only, {@code a}
 * @param major number, or {@link #ANY}
 * @param minor number, or {@link #ANY}
 * @param access bits {@link #MKNOD}, {@link #READ}, {@link #WRITE}
 */
record DeviceAccess(char type, long major, long minor, int access) {
  static final long ANY = -1;

  // BPF_DEVCG_ACC_* of linux/bpf.h
  static final int MKNOD = 1;
  static final int READ = 2;
  static final int WRITE = 4;
  static final int ALL = MKNOD | READ | WRITE;

  /** Reads a line of {@code devices.list}, in the form of {@link #toString()}. */
  static DeviceAccess parse(String line) {
    String[] cells = line.split("[ :]", -1);
    int access =
        (cells[3].indexOf('r') >= 0 ? READ : 0)
            | (cells[3].indexOf('w') >= 0 ? WRITE : 0)
            | (cells[3].indexOf('m') >= 0 ? MKNOD : 0);
    return new DeviceAccess(line.charAt(0), number(cells[1]), number(cells[2]), access);
  }

  private static long number(String text) {
    return text.equals("*") ? ANY : Long.parseLong(text);
  }

  boolean sameDevices(DeviceAccess other) {
    return type == other.type && major == other.major && minor == other.minor;
  }

  /** Whether every device of {@code other} is one of these. */
  boolean covers(DeviceAccess other) {
    return type == other.type
        && (major == ANY || major == other.major)
        && (minor == ANY || minor == other.minor);
  }

  boolean overlaps(DeviceAccess other) {
    return type == other.type
        && (major == ANY || other.major == ANY || major == other.major)
        && (minor == ANY || other.minor == ANY || minor == other.minor);
  }

  DeviceAccess withAccess(int bits) {
    return new DeviceAccess(type, major, minor, bits);
  }

  /** Returns the rule as {@code devices.allow} reads it: {@code c 1:3 rwm}. */
  @Override
  public String toString() {
    return type
        + " "
        + number(major)
        + ":"
        + number(minor)
        + " "
        + ((access & READ) != 0 ? "r" : "")
        + ((access & WRITE) != 0 ? "w" : "")
        + ((access & MKNOD) != 0 ? "m" : "");
  }

  private static String number(long value) {
    return value == ANY ? "*" : Long.toString(value);
  }
}
