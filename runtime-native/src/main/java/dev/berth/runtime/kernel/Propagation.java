package dev.berth.runtime.kernel;

/** Whether mounts below appear in other copies of a mount: MS_* of linux/mount.h. */
public enum Propagation {
  UNBINDABLE(1 << 17),
  PRIVATE(1 << 18),
  SLAVE(1 << 19),
  SHARED(1 << 20);

  private final int bit;

  Propagation(int bit) {
    this.bit = bit;
  }

  int bit() {
    return bit;
  }
}
