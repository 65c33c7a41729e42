package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.NativeLayout;
import dev.berth.runtime.kernel.SyscallTable;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Both sides of the plan's format, and of the kernel's interface, mean the same. */
class PlanLayoutTest {
  private static NativeLayout layout;

  @BeforeAll
  static void compile(@TempDir Path directory) throws Exception {
    layout = NativeLayout.read(directory);
  }

  @Test
  void constantsOfTheFormatAgree() {
    assertThat((long) PlanEncoder.MAGIC).isEqualTo(layout.get("PLAN_MAGIC"));
    assertThat((long) PlanEncoder.VERSION).isEqualTo(layout.get("PLAN_VERSION"));
    assertThat((long) PlanEncoder.HEADER_BYTES).isEqualTo(layout.get("sizeof plan"));
    assertThat((long) PlanEncoder.STEP_BYTES).isEqualTo(layout.get("sizeof step"));
    assertThat((long) PlanEncoder.RELOCATION_BYTES).isEqualTo(layout.get("sizeof relocation"));
    assertThat((long) PlanEncoder.NO_REGISTER).isEqualTo(layout.get("NO_REGISTER"));
    assertThat((long) PlanEncoder.CLONE_IS_INIT).isEqualTo(layout.get("CLONE_IS_INIT"));
    assertThat((long) PlanEncoder.EXEC_ASIDE).isEqualTo(layout.get("EXEC_ASIDE"));
    assertThat((long) PlanEncoder.WAIT_EXITED).isEqualTo(layout.get("WAIT_EXITED"));
    assertThat((long) PlanEncoder.WAIT_SIGNALED).isEqualTo(layout.get("WAIT_SIGNALED"));
    assertThat((long) PlanEncoder.SKIP_RETRY).isEqualTo(layout.get("SKIP_RETRY"));
    assertThat((long) PlanEncoder.ARG_VALUE).isEqualTo(layout.get("ARG_VALUE"));
    assertThat((long) PlanEncoder.ARG_DATA).isEqualTo(layout.get("ARG_DATA"));
    assertThat((long) PlanEncoder.ARG_REGISTER).isEqualTo(layout.get("ARG_REGISTER"));
    assertThat((long) Reg.COUNT).isEqualTo(layout.get("REGISTERS"));
    assertThat((long) Slot.COUNT).isEqualTo(layout.get("SLOT_COUNT"));
    assertThat((long) Uapi.MOVE_MOUNT_FD_TO_FD)
        .isEqualTo(layout.get("MOVE_MOUNT_F_EMPTY_PATH") | layout.get("MOVE_MOUNT_T_EMPTY_PATH"));
  }

  @ParameterizedTest
  @EnumSource(Op.class)
  void operationsHaveTheirNumbers(Op op) {
    assertThat((long) op.code()).isEqualTo(layout.get("OP_" + op.name()));
  }

  @ParameterizedTest
  @EnumSource(Slot.class)
  void slotsHaveTheirNumbers(Slot slot) {
    assertThat((long) slot.index()).isEqualTo(layout.get("SLOT_" + slot.name()));
  }

  @ParameterizedTest
  @EnumSource(Question.class)
  void questionsHaveTheirNumbers(Question question) {
    assertThat((long) question.code()).isEqualTo(layout.get("ASK_" + question.name()));
  }

  /** Every field of a plan with one step of each kind of content, found where plan.h has it. */
  @Test
  void encodedFieldsStandWhereTheStubReadsThem() {
    PlanBuilder builder = new PlanBuilder();
    Reg fd = builder.slot(Slot.EXIT_RECORD);
    Reg into = builder.reg("into");
    Arg.Data text = builder.string("text");
    builder
        .call("openat2", fd, text, Arg.of(-3))
        .into(into)
        .on(Outcome.retry(dev.berth.runtime.kernel.Errno.EAGAIN));
    Arg.Data array = builder.stringArray(List.of("text"), "array");
    byte[] bytes = builder.build().encode(SyscallTable.host(), 4711);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);

    assertThat(in.getInt(at("plan.magic"))).isEqualTo(PlanEncoder.MAGIC);
    assertThat(in.getShort(at("plan.version"))).isEqualTo((short) PlanEncoder.VERSION);
    assertThat(in.getShort(at("plan.fd_count"))).isEqualTo((short) 1);
    assertThat(in.getInt(at("plan.size"))).isEqualTo(bytes.length);
    assertThat(in.getInt(at("plan.step_count"))).isEqualTo(1);
    assertThat(in.getInt(at("plan.relocation_count"))).isEqualTo(1);
    assertThat(in.getInt(at("plan.init_pid"))).isEqualTo(4711);
    assertThat(in.get(at("plan.slot") + Slot.EXIT_RECORD.index())).isZero();
    assertThat(in.get(at("plan.slot") + Slot.LISTENER.index())).isEqualTo((byte) 0xff);
    assertThat(in.getInt(at("plan.failed_step"))).isZero();

    int step = in.getInt(at("plan.step_offset"));
    assertThat(in.get(step + at("step.op"))).isEqualTo((byte) Op.CALL.code());
    assertThat(in.get(step + at("step.target"))).isEqualTo((byte) into.number());
    assertThat(in.get(step + at("step.outcome_count"))).isEqualTo((byte) 1);
    assertThat(in.getInt(step + at("step.number")))
        .isEqualTo(SyscallTable.host().number("openat2"));
    assertThat(in.get(step + at("step.kind"))).isEqualTo((byte) PlanEncoder.ARG_REGISTER);
    assertThat(in.get(step + at("step.kind") + 1)).isEqualTo((byte) PlanEncoder.ARG_DATA);
    assertThat(in.getLong(step + at("step.argument") + 8)).isEqualTo(text.offset());
    assertThat(in.getLong(step + at("step.argument") + 16)).isEqualTo(-3);
    assertThat(in.getShort(step + at("step.outcome") + at("outcome.error"))).isEqualTo((short) 11);
    assertThat(in.getShort(step + at("step.outcome") + at("outcome.skip")))
        .isEqualTo((short) PlanEncoder.SKIP_RETRY);

    int relocation = in.getInt(at("plan.relocation_offset"));
    assertThat(in.getInt(relocation + at("relocation.at"))).isEqualTo(array.offset());
    assertThat(in.getInt(relocation + at("relocation.target"))).isEqualTo(text.offset());
    int data = in.getInt(at("plan.data_offset"));
    assertThat(new String(bytes, data, 4, java.nio.charset.StandardCharsets.UTF_8))
        .isEqualTo("text");
    assertThat(in.getInt(at("plan.data_size"))).isEqualTo(bytes.length - data);
  }

  /** Every number in Uapi that a header defines under the same name. */
  @Test
  void kernelConstantsAreThoseOfTheHeaders() throws IllegalAccessException {
    int compared = 0;
    for (Field field : Uapi.class.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) && isHeaderName(field.getName())) {
        assertThat(number(field.get(null)))
            .as(field.getName())
            .isEqualTo(layout.get(field.getName()));
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(60);
  }

  /** Those that are ours, or of a header that a freestanding program cannot include. */
  private static boolean isHeaderName(String name) {
    return !name.endsWith("_BYTES")
        && !List.of(
                "AT_FDCWD",
                "X_OK",
                "MOVE_MOUNT_FD_TO_FD",
                "STATX_MODE_OFFSET",
                "STATX_RDEV_OFFSET",
                "MOUNT_ATTR_ATIME_MASK",
                "MOUNT_ATTR_USERNS_OFFSET",
                "MNT_DETACH",
                "CLONE_ARGS_EXIT_SIGNAL",
                "CLONE_ARGS_CGROUP",
                "SIGCHLD",
                "SIGKILL",
                "RLIMITS",
                "SCHED_POLICIES",
                "SCHED_FLAGS",
                "IO_CLASSES",
                "PERSONALITIES",
                "MEMORY_POLICIES",
                "MEMORY_POLICY_FLAGS")
            .contains(name);
  }

  private static long number(Object constant) {
    return constant instanceof Arg.Value(long value, var _)
        ? value
        : ((Number) constant).longValue();
  }

  @ParameterizedTest
  @CsvSource({"open_how,24", "mount_attr,32", "clone_args,88"})
  void structsHaveTheirSizes(String struct, long bytes) {
    assertThat(layout.get("sizeof " + struct)).isEqualTo(bytes);
    assertThat(
            Map.of(
                "open_how", Uapi.OPEN_HOW_BYTES,
                "mount_attr", Uapi.MOUNT_ATTR_BYTES,
                "clone_args", Uapi.CLONE_ARGS_BYTES))
        .containsEntry(struct, (int) bytes);
  }

  @Test
  void fieldsOfStructsThatPlansFillAreWhereTheKernelReadsThem() {
    assertThat((long) Uapi.CLONE_ARGS_EXIT_SIGNAL).isEqualTo(layout.get("clone_args.exit_signal"));
    assertThat((long) Uapi.CLONE_ARGS_CGROUP).isEqualTo(layout.get("clone_args.cgroup"));
    assertThat((long) Uapi.MOUNT_ATTR_USERNS_OFFSET).isEqualTo(layout.get("mount_attr.userns_fd"));
    assertThat(layout.get("statx.stx_mode")).isEqualTo(Uapi.STATX_MODE_OFFSET);
    assertThat(layout.get("statx.stx_rdev_major")).isEqualTo(Uapi.STATX_RDEV_OFFSET);
    assertThat(layout.get("statx.stx_rdev_minor")).isEqualTo(Uapi.STATX_RDEV_OFFSET + 4);
  }

  @Test
  void namesOfSchedulingAndPlacementHaveTheirNumbers() {
    Map<String, Integer> all = new HashMap<>();
    all.putAll(Uapi.SCHED_POLICIES);
    all.putAll(Uapi.SCHED_FLAGS);
    all.putAll(Uapi.IO_CLASSES);
    all.putAll(Uapi.PERSONALITIES);
    all.putAll(Uapi.MEMORY_POLICIES);
    all.putAll(Uapi.MEMORY_POLICY_FLAGS);
    all.remove("MPOL_WEIGHTED_INTERLEAVE"); // of Linux 6.9, younger than the headers may be
    all.forEach((name, number) -> assertThat((long) number).as(name).isEqualTo(layout.get(name)));
    assertThat(layout.get("sched_attr.sched_policy")).isEqualTo(4);
    assertThat(layout.get("sched_attr.sched_flags")).isEqualTo(8);
    assertThat(layout.get("sched_attr.sched_nice")).isEqualTo(16);
    assertThat(layout.get("sched_attr.sched_priority")).isEqualTo(20);
    assertThat(layout.get("sched_attr.sched_runtime")).isEqualTo(24);
    assertThat(layout.get("sched_attr.sched_period")).isEqualTo(40);
  }

  @Test
  void resourceLimitsHaveTheirNumbers() {
    Uapi.RLIMITS.forEach(
        (name, number) -> assertThat((long) number).as(name).isEqualTo(layout.get(name)));
    assertThat(Uapi.RLIMITS).hasSize(16);
  }

  @Test
  void emptyPlanIsAHeader() {
    byte[] bytes =
        new PlanEncoder(SyscallTable.host())
            .encode(List.of(), new byte[0], List.of(), 0, new EnumMap<>(Slot.class), 0);
    assertThat(bytes).hasSize((int) layout.get("sizeof plan"));
    assertThat((long) PlanProgress.OFFSET).isEqualTo(layout.get("plan.phase"));
    assertThat(layout.get("plan.failed_step")).isEqualTo(PlanProgress.OFFSET + 4);
    assertThat(layout.get("plan.failed_errno")).isEqualTo(PlanProgress.OFFSET + 8);
    assertThat((long) PlanProgress.LISTENER_OFFSET).isEqualTo(layout.get("plan.listener"));
    assertThat(Integer.toUnsignedLong(PlanProgress.LISTENER_EXPECTED))
        .isEqualTo(layout.get("LISTENER_EXPECTED"));
    assertThat(Integer.toUnsignedLong(PlanProgress.LISTENER_TAKEN))
        .isEqualTo(layout.get("LISTENER_TAKEN"));
    assertThat((long) PlanProgress.EXECUTING).isEqualTo(layout.get("PHASE_EXECUTING"));
  }

  private static int at(String field) {
    return (int) layout.get(field);
  }
}
