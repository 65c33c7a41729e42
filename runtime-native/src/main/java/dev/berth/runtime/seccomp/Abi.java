package dev.berth.runtime.seccomp;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.SyscallTable;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * A calling convention with a table of call numbers of its own.
 *
 * <p>The kernel tells a filter the {@code AUDIT_ARCH_*} value of a call ({@code linux/audit.h}).
 * x32 shares that of x86-64 and differs by one bit of the number ({@code __X32_SYSCALL_BIT} of
 * {@code asm/unistd.h}).
 */
enum Abi {
  X86_64("SCMP_ARCH_X86_64", 0xC000003E, "amd64", 0, "amd64"),
  X86("SCMP_ARCH_X86", 0x40000003, "x86", 0, "amd64"),
  X32("SCMP_ARCH_X32", 0xC000003E, "x32", 0x40000000, "amd64"),
  AARCH64("SCMP_ARCH_AARCH64", 0xC00000B7, "arm64", 0, "arm64"),
  ARM("SCMP_ARCH_ARM", 0x40000028, "arm", 0, "arm64");

  /** Architectures the runtime spec names and no machine that Berth runs on can execute. */
  private static final Set<String> FOREIGN =
      Set.of(
          "SCMP_ARCH_MIPS",
          "SCMP_ARCH_MIPS64",
          "SCMP_ARCH_MIPS64N32",
          "SCMP_ARCH_MIPSEL",
          "SCMP_ARCH_MIPSEL64",
          "SCMP_ARCH_MIPSEL64N32",
          "SCMP_ARCH_PPC",
          "SCMP_ARCH_PPC64",
          "SCMP_ARCH_PPC64LE",
          "SCMP_ARCH_S390",
          "SCMP_ARCH_S390X",
          "SCMP_ARCH_PARISC",
          "SCMP_ARCH_PARISC64",
          "SCMP_ARCH_RISCV64",
          "SCMP_ARCH_LOONGARCH64",
          "SCMP_ARCH_M68K",
          "SCMP_ARCH_SH",
          "SCMP_ARCH_SHEB");

  /** Read on first use: a machine needs those of its own ABIs only. */
  private static final Map<String, SyscallTable> TABLES = new ConcurrentHashMap<>();

  private final String specName;
  private final int auditArch;
  private final String column;
  private final int numberBias;
  private final String machine;

  Abi(String specName, int auditArch, String column, int numberBias, String machine) {
    this.specName = specName;
    this.auditArch = auditArch;
    this.column = column;
    this.numberBias = numberBias;
    this.machine = machine;
  }

  /** The ABI of 64-bit programs on the machine this JVM runs on. */
  static Abi host() {
    return SyscallTable.host().architecture().equals("amd64") ? X86_64 : AARCH64;
  }

  /**
   * Reads {@code linux.seccomp.architectures}: {@code host} first, then those of the list that its
   * kernel can run. libseccomp, too, filters the native ABI whether it is listed or not.
   *
   * @throws BerthException INVALID_ARGUMENT naming an unknown architecture
   */
  static List<Abi> parse(List<String> names, Abi host) {
    EnumSet<Abi> listed = EnumSet.noneOf(Abi.class);
    for (int i = 0; i < names.size(); i++) {
      listed.addAll(named(names.get(i), i));
    }
    listed.removeIf(abi -> abi == host || !abi.machine.equals(host.machine));
    return Stream.concat(Stream.of(host), listed.stream()).toList();
  }

  private static Collection<Abi> named(String name, int index) {
    List<Abi> found = Arrays.stream(values()).filter(abi -> abi.specName.equals(name)).toList();
    if (found.isEmpty() && !FOREIGN.contains(name)) {
      throw new BerthException(
          Kind.INVALID_ARGUMENT,
          "linux.seccomp.architectures["
              + index
              + "] \""
              + Ids.printable(name)
              + "\" is not known");
    }
    return found;
  }

  String specName() {
    return specName;
  }

  int auditArch() {
    return auditArch;
  }

  /** The first number of this ABI; those of x32 follow the ones of x86-64. */
  int numberBias() {
    return numberBias;
  }

  /** Returns the number a filter sees for a call, empty where the ABI has no such call. */
  OptionalInt number(String syscall) {
    OptionalInt number = TABLES.computeIfAbsent(column, SyscallTable::load).find(syscall);
    return number.isEmpty() ? number : OptionalInt.of(number.getAsInt() | numberBias);
  }
}
