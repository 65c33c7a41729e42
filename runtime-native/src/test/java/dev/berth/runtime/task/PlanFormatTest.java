package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.NativeLayout;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SeqpacketSocket;
import dev.berth.runtime.kernel.Spawner;
import dev.berth.runtime.plan.HarmlessPlan;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Rule R6: the plan is a fixed, versioned struct with checked lengths. Plans with wrong fields are
 * given to the real berth-init, which must refuse them or fail, and be gone with all it started.
 *
 * <p>The plan that is changed does nothing (see {@link HarmlessPlan}), and no change makes another
 * system call of one of its steps.
 */
@RequiresRoot
class PlanFormatTest {
  /** More than the ten seconds that the stub itself waits for what it started. */
  private static final Duration LIMIT = Duration.ofSeconds(15);

  private static final Duration FUZZING = Duration.ofSeconds(15);
  private static final int MUTATIONS = 2500;
  private static final long SEED = 6;
  private static final int BOOT_DESCRIPTOR = 3;
  private static final byte OP_CALL = 1;

  private static final long[] EVIL = {
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    0x40,
    0x7f,
    0x80,
    0xfe,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xfff8,
    0xffff,
    0x10000,
    0x7fffffff,
    0x80000000L,
    0xfffffff8L,
    0xffffffffL,
    0x100000000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -8,
    -1
  };

  @TempDir private static Path directory;
  private static NativeLayout layout;
  private static BerthInit program;
  private static byte[] plan;
  private static Fd file;

  /** Stubs of other tests in this JVM. */
  private static List<Integer> others = List.of();

  @BeforeAll
  static void prepare() throws Exception {
    Processes.becomeSubreaper();
    others = HostState.childrenNamed("berth-init");
    layout = NativeLayout.read(directory);
    program = BerthInit.open(TaskFixture.berthInit());
    plan = HarmlessPlan.encode();
    Path record = Files.write(directory.resolve("record"), new byte[ExitRecord.BYTES]);
    file = Descriptors.open(record, dev.berth.runtime.kernel.OpenFlag.READ_WRITE);
  }

  @AfterAll
  static void release() {
    file.close();
    program.close();
  }

  /** How a launch ended. */
  private enum Outcome {
    REFUSED,
    FAILED,
    CREATED,
    ENDED
  }

  /** A field of the plan: where it stands and how wide it is. */
  private record Place(String name, int offset, int bytes) {}

  @Test
  void unchangedPlanIsCarriedOut() throws IOException {
    assertThat(launch(plan, "unchanged")).isEqualTo(Outcome.CREATED);
    assertNothingLeft();
  }

  @Test
  void changedHeaderIsRefused() throws IOException {
    for (Place place : headerPlaces()) {
      for (long evil : EVIL) {
        byte[] changed = plan.clone();
        put(changed, place, evil);
        if (!Arrays.equals(changed, plan)) {
          assertThat(launch(changed, place + " = " + evil)).isEqualTo(Outcome.REFUSED);
        }
      }
    }
    assertNothingLeft();
  }

  @Test
  void planOfAnotherSizeIsRefused() throws IOException {
    for (int size : List.of(0, 1, 71, 72, plan.length - 1, plan.length + 1, plan.length + 8)) {
      assertThat(launch(Arrays.copyOf(plan, size), "size " + size)).isEqualTo(Outcome.REFUSED);
    }
    assertNothingLeft();
  }

  @Test
  void indexOutsideItsTableIsRefused() throws IOException {
    for (Place place : stepPlaces("target", 1)) {
      assertThat(launch(with(place, 96), place.name())).isEqualTo(Outcome.REFUSED);
    }
    for (Place place : stepPlaces("outcome_count", 1)) {
      assertThat(launch(with(place, 5), place.name())).isEqualTo(Outcome.REFUSED);
    }
    for (Place place : stepPlaces("op", 1)) {
      assertThat(launch(with(place, 0), place.name())).isEqualTo(Outcome.REFUSED);
      assertThat(launch(with(place, 13), place.name())).isEqualTo(Outcome.REFUSED);
    }
    for (Place place : stepPlaces("kind", 1)) {
      assertThat(launch(with(place, 3), place.name())).isEqualTo(Outcome.REFUSED);
    }
    for (int i = 0; i < 16; i++) {
      Place slot = new Place("slot " + i, at("plan.slot") + i, 1);
      assertThat(launch(with(slot, 96), slot.name())).isEqualTo(Outcome.REFUSED);
    }
    for (Place place : relocationPlaces()) {
      assertThat(launch(with(place, -8), place.name())).isEqualTo(Outcome.REFUSED);
    }
    assertNothingLeft();
  }

  /** Every field of the format with every evil value, then random bytes of it until time is up. */
  @Test
  void noChangeOfTheFormatHangsOrLeavesAProcess() throws IOException {
    List<Place> places = allPlaces();
    Random random = new Random(SEED);
    Instant deadline = Instant.now().plus(FUZZING);
    int[] seen = new int[Outcome.values().length];
    int launched = 0;
    while (launched < MUTATIONS && Instant.now().isBefore(deadline)) {
      byte[] changed = plan.clone();
      StringBuilder what = new StringBuilder("seed " + SEED + " launch " + launched);
      for (int i = 0; i <= random.nextInt(3); i++) {
        Place place = places.get(random.nextInt(places.size()));
        long value = random.nextBoolean() ? EVIL[random.nextInt(EVIL.length)] : random.nextLong();
        put(changed, place, value);
        what.append(", ").append(place.name()).append(" = ").append(value);
      }
      seen[launch(changed, what.toString()).ordinal()]++;
      launched++;
    }
    assertNothingLeft();
    System.out.println(
        "plan format: "
            + launched
            + " changed plans, "
            + Arrays.toString(Outcome.values())
            + " "
            + Arrays.toString(seen));
    assertThat(seen[Outcome.REFUSED.ordinal()]).isPositive();
    assertThat(seen[Outcome.FAILED.ordinal()]).isPositive();
  }

  @Test
  void wrongFirstMessageEndsTheStub() {
    assertThat(firstMessage(StubMessage.of(StubMessage.Kind.START), List.of())).isTrue();
    assertThat(firstMessage(StubMessage.of(StubMessage.Kind.PLAN), List.of())).isTrue();
    assertThat(firstMessage(StubMessage.of(StubMessage.Kind.PLAN), List.of(file))).isTrue();
    try (Fd memory = memory(plan)) { // descriptors fewer or more than the plan says
      assertThat(firstMessage(StubMessage.of(StubMessage.Kind.PLAN), List.of(memory))).isTrue();
      assertThat(
              firstMessage(
                  StubMessage.of(StubMessage.Kind.PLAN), List.of(memory, file, file, file)))
          .isTrue();
    }
  }

  /** True if the stub ends by itself after such a message, having refused it or said nothing. */
  private static boolean firstMessage(StubMessage message, List<Fd> descriptors) {
    try (Launch launch = Launch.spawn()) {
      launch.channel.send(message, descriptors, LIMIT);
      return launch.converse() == Outcome.REFUSED;
    }
  }

  private static Outcome launch(byte[] changed, String what) {
    try (Launch launch = Launch.spawn();
        Fd memory = memory(changed)) {
      launch.channel.send(
          StubMessage.of(StubMessage.Kind.PLAN), List.of(memory, file, file), LIMIT);
      return launch.converse();
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError("plan with " + what + ": " + e.getMessage(), e);
    }
  }

  private static Fd memory(byte[] content) {
    Fd memory = Memfd.create("launch-plan", content.length);
    Descriptors.writeAt(memory, 0, content);
    return memory;
  }

  /** A spawned stub that is gone, or a failure, when it is closed. */
  private record Launch(Spawner.Child child, StubChannel channel) implements AutoCloseable {
    static Launch spawn() {
      try (SeqpacketSocket.Pair pair = SeqpacketSocket.pair()) {
        Spawner.Child child =
            Spawner.of(program.sealed(), List.of("berth-init"))
                .descriptor(BOOT_DESCRIPTOR, pair.second().fd())
                .spawn();
        return new Launch(
            child, new StubChannel(SeqpacketSocket.own(Fd.own(pair.first().fd().release()))));
      }
    }

    /** Answers what is asked and ends what was created. */
    Outcome converse() {
      Outcome outcome = Outcome.ENDED;
      for (int messages = 0; messages < 20; messages++) {
        Optional<StubChannel.Reply> reply = channel.receive(LIMIT);
        if (reply.isEmpty()) {
          return outcome == Outcome.ENDED && messages == 0 ? Outcome.REFUSED : outcome;
        }
        reply.get().descriptors().forEach(Fd::close);
        StubMessage message = reply.get().message();
        switch (message.kind()) {
          case ASKED -> channel.send(StubMessage.of(StubMessage.Kind.ANSWER), List.of(), LIMIT);
          case CREATED -> {
            outcome = Outcome.CREATED;
            channel.send(StubMessage.of(StubMessage.Kind.ABORT), List.of(), LIMIT);
          }
          case FAILED -> outcome = message.a() == 0 ? Outcome.REFUSED : Outcome.FAILED;
          default -> {
            // an end of one kind or the other, or an error: the stub goes on to its own end
          }
        }
      }
      throw new AssertionError("berth-init talks on and on");
    }

    @Override
    public void close() {
      channel.close();
      boolean ended = Processes.awaitExit(child.pidfd(), LIMIT);
      if (!ended) {
        Processes.signal(child.pidfd(), 9);
      }
      Orphans.endAll(child.pid()); // as a launch does: a process may end before its child
      Processes.waitFor(child.pidfd(), LIMIT);
      child.pidfd().close();
      if (!ended) {
        throw new AssertionError("berth-init does not end");
      }
    }
  }

  private static void assertNothingLeft() throws IOException {
    assertThat(HostState.childrenNamed("berth-init")).isSubsetOf(others);
  }

  // ---- places ----

  private static List<Place> headerPlaces() {
    List<Place> places = new ArrayList<>();
    places.add(new Place("magic", at("plan.magic"), 4));
    places.add(new Place("version", at("plan.version"), 2));
    places.add(new Place("fd_count", at("plan.fd_count"), 2));
    for (String field :
        List.of(
            "size",
            "step_offset",
            "step_count",
            "relocation_offset",
            "relocation_count",
            "data_offset",
            "data_size")) {
      places.add(new Place(field, at("plan." + field), 4));
    }
    return places;
  }

  private static List<Place> relocationPlaces() {
    List<Place> places = new ArrayList<>();
    ByteBuffer in = buffer(plan);
    int count = in.getInt(at("plan.relocation_count"));
    int first = in.getInt(at("plan.relocation_offset"));
    for (int i = 0; i < count; i++) {
      int offset = first + i * (int) layout.get("sizeof relocation");
      places.add(new Place("relocation " + i + " at", offset + at("relocation.at"), 4));
      places.add(new Place("relocation " + i + " target", offset + at("relocation.target"), 4));
    }
    return places;
  }

  private static List<Place> stepPlaces(String field, int bytes) {
    List<Place> places = new ArrayList<>();
    for (int i = 0; i < stepCount(); i++) {
      places.add(new Place("step " + i + " " + field, step(i) + at("step." + field), bytes));
    }
    return places;
  }

  /** Everything but what would make another system call: op, and the number of those that are. */
  private static List<Place> allPlaces() {
    List<Place> places = new ArrayList<>(headerPlaces());
    for (int i = 0; i < 16; i++) {
      places.add(new Place("slot " + i, at("plan.slot") + i, 1));
    }
    for (String output : List.of("init_pid", "phase", "failed_step", "failed_errno", "listener")) {
      places.add(new Place(output, at("plan." + output), 4));
    }
    for (String field : List.of("flags", "target", "outcome_count")) {
      places.addAll(stepPlaces(field, 1));
    }
    for (int i = 0; i < stepCount(); i++) {
      if (plan[step(i) + at("step.op")] != OP_CALL) {
        places.add(new Place("step " + i + " number", step(i) + at("step.number"), 4));
      }
      for (int j = 0; j < 6; j++) {
        places.add(new Place("step " + i + " kind " + j, step(i) + at("step.kind") + j, 1));
        places.add(
            new Place("step " + i + " argument " + j, step(i) + at("step.argument") + 8 * j, 8));
      }
      for (int j = 0; j < 4; j++) {
        int outcome = step(i) + at("step.outcome") + 4 * j;
        places.add(new Place("step " + i + " errno " + j, outcome, 2));
        places.add(new Place("step " + i + " skip " + j, outcome + at("outcome.skip"), 2));
      }
    }
    places.addAll(relocationPlaces());
    return places;
  }

  private static int stepCount() {
    return buffer(plan).getInt(at("plan.step_count"));
  }

  private static int step(int index) {
    return buffer(plan).getInt(at("plan.step_offset")) + index * (int) layout.get("sizeof step");
  }

  private static int at(String field) {
    return (int) layout.get(field);
  }

  private static byte[] with(Place place, long value) {
    byte[] changed = plan.clone();
    put(changed, place, value);
    return changed;
  }

  private static void put(byte[] target, Place place, long value) {
    ByteBuffer out = buffer(target);
    switch (place.bytes()) {
      case 1 -> out.put(place.offset(), (byte) value);
      case 2 -> out.putShort(place.offset(), (short) value);
      case 4 -> out.putInt(place.offset(), (int) value);
      default -> out.putLong(place.offset(), value);
    }
  }

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
