package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Assembles a plan: steps in order, the data they point to, and the registers they share.
 *
 * <p>{@link #from} says which field of the configuration the following steps come from. Not
 * thread-safe.
 */
final class PlanBuilder {
  private final List<Step> steps = new ArrayList<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();
  private final Map<String, Arg.Data> strings = new HashMap<>();
  private final List<LaunchPlan.Relocation> relocations = new ArrayList<>();
  private final List<Reg> descriptors = new ArrayList<>();
  private final EnumMap<Slot, Reg> slots = new EnumMap<>(Slot.class);
  private final List<Reg> registers = new ArrayList<>();
  private String origin = "launch";
  private int depth;
  private Duration patience = Duration.ZERO;

  /** Names the field that the next steps come from, until called again. */
  PlanBuilder from(String field) {
    origin = field;
    return this;
  }

  String origin() {
    return origin;
  }

  /** A descriptor that is passed to the stub with the plan. Declare all before any {@link #reg}. */
  Reg descriptor(String name) {
    if (registers.size() != descriptors.size()) {
      throw new IllegalStateException("descriptor " + name + " declared after a register");
    }
    Reg register = reg(name);
    descriptors.add(register);
    return register;
  }

  /** Passes a descriptor for the stub's own use. */
  Reg slot(Slot slot) {
    Reg register = descriptor(slot.descriptor());
    slots.put(slot, register);
    return register;
  }

  Reg reg(String name) {
    if (registers.size() == Reg.COUNT) {
      throw new IllegalStateException("a plan has at most " + Reg.COUNT + " registers");
    }
    Reg register = new Reg(registers.size(), name);
    registers.add(register);
    return register;
  }

  // ---- data ----

  /** A NUL-terminated string; equal strings share their bytes. */
  Arg.Data string(String text) {
    return strings.computeIfAbsent(
        text,
        value -> {
          byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
          byte[] terminated = new byte[bytes.length + 1];
          System.arraycopy(bytes, 0, terminated, 0, bytes.length);
          return append(terminated, 1, quote(value));
        });
  }

  /** Bytes as they are, aligned to eight. */
  Arg.Data bytes(byte[] bytes, String text) {
    return append(bytes, 8, text);
  }

  /** A struct of 64-bit fields in the order given. */
  Arg.Data longs(String text, long... values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      buffer.putLong(value);
    }
    return append(buffer.array(), 8, text);
  }

  Arg.Data ints(String text, int... values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      buffer.putInt(value);
    }
    return append(buffer.array(), 8, text);
  }

  /** A NULL-terminated array of pointers to strings, as execve(2) takes it. */
  Arg.Data stringArray(List<String> values, String text) {
    List<Arg.Data> targets = values.stream().map(this::string).toList();
    Arg.Data array = append(new byte[(values.size() + 1) * 8], 8, text);
    for (int i = 0; i < targets.size(); i++) {
      point(array, i * 8, targets.get(i));
    }
    return array;
  }

  /** Makes the eight bytes at {@code at + offset} the address of {@code target}. */
  void point(Arg.Data at, int offset, Arg.Data target) {
    relocations.add(new LaunchPlan.Relocation(at.offset() + offset, target.offset()));
  }

  private Arg.Data append(byte[] bytes, int alignment, String text) {
    while (data.size() % alignment != 0) {
      data.write(0);
    }
    int offset = data.size();
    data.writeBytes(bytes);
    return new Arg.Data(offset, text);
  }

  private static String quote(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"") + '"';
  }

  // ---- steps ----

  Step call(String name, Arg... args) {
    return add(Op.CALL, name, args);
  }

  /** Copies a register into data, so that a struct can carry a descriptor. */
  Step store(Arg.Data at, int offset, int sizeBytes, Reg register) {
    Arg.Data place = new Arg.Data(at.offset() + offset, at.text() + "+" + offset);
    return add(Op.STORE, "store", offsetOf(place), Arg.of(sizeBytes), register);
  }

  /** Reads data that a system call filled in. */
  Step load(Arg.Data at, int offset, int sizeBytes) {
    Arg.Data place = new Arg.Data(at.offset() + offset, at.text() + "+" + offset);
    return add(Op.LOAD, "load", offsetOf(place), Arg.of(sizeBytes));
  }

  /**
   * Fails with {@code error} unless the bytes at {@code actual} equal {@code wanted} under a mask.
   */
  Step check(Arg.Data actual, int offset, byte[] wanted, byte[] mask, Errno error, String text) {
    Arg.Data place = new Arg.Data(actual.offset() + offset, actual.text() + "+" + offset);
    return add(
            Op.CHECK,
            "check",
            offsetOf(place),
            offsetOf(bytes(wanted, text)),
            offsetOf(bytes(mask, "mask")),
            Arg.of(wanted.length))
        .number(error.number());
  }

  /** Asks the shim a question and waits for its answer. */
  Step ask(Question question) {
    return add(Op.ASK, "ask", Arg.of(0, question.name()), Arg.of(0)).number(question.code());
  }

  Step sendFd(Slot slot, Reg register) {
    return add(Op.SEND_FD, "send", register, Arg.of(0, slot.name())).number(slot.index());
  }

  Step exec(List<String> candidates, Arg.Data argv, Arg.Data envp) {
    return add(
        Op.EXEC,
        "execve",
        offsetOf(stringArray(candidates, candidates.toString())),
        Arg.of(candidates.size()),
        argv,
        envp);
  }

  /** Executes the program of a process beside the one that the plan is about. */
  Step execAside(String path, Arg.Data argv, Arg.Data envp) {
    return exec(List.of(path), argv, envp).flags(PlanEncoder.EXEC_ASIDE).aboutProgram(path);
  }

  Step skip(Label to) {
    return add(Op.SKIP, "goto").on(new Outcome(null, to, false));
  }

  Step fail(Errno error) {
    return add(Op.FAIL, "fail", Arg.of(error.number(), error.name())).number(error.number());
  }

  /**
   * Clones a process that runs the steps added by {@code child}; the parent goes on behind them.
   *
   * @param args struct clone_args, without CLONE_PIDFD: the stub adds that
   * @param isInit the child is the container's process
   * @return the step, whose result is the child's pid as the parent sees it
   */
  Step clone(Arg.Data args, boolean isInit, Runnable child) {
    Label end = new Label();
    Step step =
        add(Op.CLONE, isInit ? "clone3 init" : "clone3", offsetOf(args))
            .clones(end)
            .flags(isInit ? PlanEncoder.CLONE_IS_INIT : 0);
    depth++;
    child.run();
    depth--;
    place(end);
    return step;
  }

  /**
   * Waits for the end of a child, which must be a good one.
   *
   * @param limit after which it is killed, with its process group
   */
  Step waitFor(Reg child, Duration limit) {
    patience = patience.plus(limit);
    return add(Op.WAIT, "wait", child, Arg.of(limit.toMillis(), limit.toMillis() + " ms"));
  }

  /** Shows a seccomp listener, which the stub takes, and goes on once it has. */
  Step show(Reg listener) {
    return add(Op.SHOW, "show", listener);
  }

  Label label() {
    return new Label();
  }

  void place(Label label) {
    label.set(steps.size());
  }

  private Step add(Op op, String name, Arg... args) {
    Step step = new Step(op, name, List.of(args), origin, depth);
    steps.add(step);
    return step;
  }

  private static Arg.Value offsetOf(Arg.Data place) {
    return Arg.of(place.offset(), place.text());
  }

  LaunchPlan build() {
    return new LaunchPlan(
        List.copyOf(steps),
        data.toByteArray(),
        List.copyOf(relocations),
        descriptors.stream().map(Reg::name).toList(),
        new EnumMap<>(slots),
        patience);
  }
}
