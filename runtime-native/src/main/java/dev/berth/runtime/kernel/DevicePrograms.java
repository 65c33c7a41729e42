package dev.berth.runtime.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * Loads and attaches programs of type {@code BPF_PROG_TYPE_CGROUP_DEVICE}, which decide about
 * device access in a cgroup v2. See bpf(2) and {@code linux/bpf.h}.
 */
public final class DevicePrograms {
  private static final int BPF = SyscallTable.host().number("bpf");

  // enum bpf_cmd
  private static final int PROG_LOAD = 5;
  private static final int PROG_ATTACH = 8;
  private static final int PROG_DETACH = 9;
  private static final int PROG_GET_FD_BY_ID = 13;
  private static final int PROG_QUERY = 16;

  private static final int TYPE_CGROUP_DEVICE = 15;
  private static final int ATTACH_CGROUP_DEVICE = 6;
  private static final int ALLOW_MULTI = 1 << 1;
  private static final int REPLACE = 1 << 2;
  private static final int INSTRUCTION_BYTES = 8; // struct bpf_insn

  /** The kernel attaches at most this many programs of a type ({@code BPF_CGROUP_MAX_PROGS}). */
  private static final int MAX_ATTACHED = 64;

  private DevicePrograms() {}

  /**
   * Loads a program.
   *
   * @param instructions array of {@code struct bpf_insn}
   * @return its descriptor, closed by the caller; an attached program lives on without it
   * @throws NativeException EPERM without CAP_BPF or CAP_SYS_ADMIN, EINVAL or EACCES if the
   *     verifier refuses it
   */
  public static Fd load(byte[] instructions) {
    try (var program = NativeMemory.bytes(instructions);
        var license = NativeMemory.string("Apache-2.0");
        var attributes = NativeMemory.allocate(72)) {
      attributes
          .putInt(0, TYPE_CGROUP_DEVICE)
          .putInt(4, instructions.length / INSTRUCTION_BYTES)
          .putLong(8, program.address())
          .putLong(16, license.address())
          .put(48, new byte[] {'b', 'e', 'r', 't', 'h'}); // prog_name, as bpftool shows it
      return Fd.own(call(PROG_LOAD, attributes, "BPF_PROG_LOAD of a device program"));
    }
  }

  /**
   * Attaches a program beside those that parents or other managers have attached: access needs the
   * consent of all.
   */
  public static void attach(Fd cgroup, Fd program) {
    attach(cgroup, program, ALLOW_MULTI, 0);
  }

  /** Puts a program into the place of another one, without a moment in between. */
  public static void replace(Fd cgroup, Fd program, Fd old) {
    attach(cgroup, program, ALLOW_MULTI | REPLACE, old.number());
  }

  private static void attach(Fd cgroup, Fd program, int flags, int replaced) {
    try (var attributes = NativeMemory.allocate(20)) {
      attributes
          .putInt(0, cgroup.number())
          .putInt(4, program.number())
          .putInt(8, ATTACH_CGROUP_DEVICE)
          .putInt(12, flags)
          .putInt(16, replaced);
      call(PROG_ATTACH, attributes, "BPF_PROG_ATTACH to cgroup " + cgroup);
    }
  }

  /** Detaches a program from the cgroup it was attached to. */
  public static void detach(Fd cgroup, Fd program) {
    try (var attributes = NativeMemory.allocate(16)) {
      attributes
          .putInt(0, cgroup.number())
          .putInt(4, program.number())
          .putInt(8, ATTACH_CGROUP_DEVICE);
      call(PROG_DETACH, attributes, "BPF_PROG_DETACH from cgroup " + cgroup);
    }
  }

  /** Opens the programs attached to this very cgroup, not those of its parents. */
  public static List<Fd> attached(Fd cgroup) {
    try (var ids = NativeMemory.allocate(MAX_ATTACHED * (long) Integer.BYTES);
        var attributes = NativeMemory.allocate(28)) {
      attributes
          .putInt(0, cgroup.number())
          .putInt(4, ATTACH_CGROUP_DEVICE)
          .putLong(16, ids.address())
          .putInt(24, MAX_ATTACHED);
      call(PROG_QUERY, attributes, "BPF_PROG_QUERY of cgroup " + cgroup);
      return open(ids, attributes.getInt(24));
    }
  }

  private static List<Fd> open(NativeMemory ids, int count) {
    List<Fd> programs = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        programs.add(byId(ids.getInt(i * (long) Integer.BYTES)));
      }
    } catch (NativeException e) {
      programs.forEach(Fd::close);
      throw e;
    }
    return programs;
  }

  private static Fd byId(int id) {
    try (var attributes = NativeMemory.allocate(12)) {
      attributes.putInt(0, id);
      return Fd.own(call(PROG_GET_FD_BY_ID, attributes, "BPF_PROG_GET_FD_BY_ID of " + id));
    }
  }

  private static long call(int command, NativeMemory attributes, String subject) {
    Syscalls.Result result =
        Syscalls.call(BPF, command, attributes.address(), attributes.sizeBytes());
    if (result.failed()) {
      throw new NativeException("bpf", subject, result.errno());
    }
    return result.value();
  }
}
