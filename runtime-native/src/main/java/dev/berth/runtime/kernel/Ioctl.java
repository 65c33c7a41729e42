package dev.berth.runtime.kernel;

/** Encodes the requests of ioctl(2), see asm-generic/ioctl.h. */
final class Ioctl {
  private Ioctl() {}

  /** _IO(type, number): no argument. */
  static long none(int type, int number) {
    return encode(0, type, number, 0);
  }

  /** _IOWR(type, number, argument of that size). */
  static long readWrite(int type, int number, int sizeBytes) {
    return encode(3, type, number, sizeBytes);
  }

  private static long encode(long direction, int type, int number, int sizeBytes) {
    return (direction << 30) | ((long) sizeBytes << 16) | ((long) type << 8) | number;
  }
}
