package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.shim.client.Shim;
import dev.berth.shim.client.ShimEvent;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.client.TaskState;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.ProcFs;
import dev.berth.shim.testing.ShimParent;
import dev.berth.shim.testing.WriterContainer;
import dev.berth.shim.testing.WriterContainer.Output;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kills what can be killed, with SIGKILL, while containers write at full speed: no container dies,
 * every line stands in the log once and in its place, every exit code arrives.
 *
 * <p>For each victim, three containers of each kind of output write one burst per kill. With the
 * last kill three of them end at that moment, three end while the victim is down, and three go on.
 */
@RequiresRoot
@Timeout(300)
class KillMatrixTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  /** Kills in all; {@code -Dberth.kills} asks for more. */
  private static final int KILLS = Integer.getInteger("berth.kills", 24);

  private static final int LINES_PER_BURST = 8_000;

  enum Victim {
    SHIM,
    PARENT,
    SHIM_AND_PARENT,
    STUB
  }

  /** When a container ends, seen from the last kill. */
  private enum Moment {
    RUNNING,
    EXITING,
    WHILE_DOWN
  }

  private static final int ROUNDS = KILLS / Victim.values().length;

  @TempDir Path dir;
  private final Random random = new Random(11);
  private final List<WriterContainer> containers = new ArrayList<>();
  private final Map<Moment, List<WriterContainer>> byMoment = new EnumMap<>(Moment.class);
  private BerthShim berth;
  private ShimParent parent;
  private volatile Shim shim;

  @BeforeEach
  void startContainers() throws Exception {
    berth = BerthShim.prepare(dir);
    parent = ShimParent.start(dir, List.of());
    shim = berth.shims().adopt(parent.record(), SOON);
    for (Output output : Output.values()) {
      for (Moment moment : Moment.values()) {
        int exitCode = 10 + containers.size();
        var container = new WriterContainer(dir, output, ROUNDS, LINES_PER_BURST, exitCode);
        container.start(tasks());
        containers.add(container);
        byMoment.computeIfAbsent(moment, _ -> new ArrayList<>()).add(container);
      }
    }
  }

  @AfterEach
  void cleanUp() throws Exception {
    parent.close();
    berth.close();
  }

  private TaskClient tasks() {
    return shim.tasks();
  }

  /** The containers of one moment, one of each output. */
  private List<WriterContainer> at(Moment moment) {
    return byMoment.getOrDefault(moment, List.of());
  }

  @ParameterizedTest
  @EnumSource
  void noContainerLineOrExitIsLost(Victim victim) throws Exception {
    for (int round = 0; round < ROUNDS - 1; round++) {
      killWhileAllWrite(victim, round);
    }
    killWhileSomeEnd(victim);

    for (WriterContainer container : containers) {
      assertThat(tasks().waitFor(container.process(), SOON).status())
          .as("exit code of %s", container)
          .isEqualTo(container.exitCode());
      tasks().delete(container.process(), SOON);
      assertThat(container.loggedNumbers())
          .as("lines of %s", container)
          .isEqualTo(IntStream.rangeClosed(1, container.lines()).boxed().toList());
    }
    assertExitEventsArrived();
    System.out.printf(
        "%s: %d kills, %d lines%n",
        victim, ROUNDS, containers.stream().mapToInt(WriterContainer::lines).sum());
  }

  private void killWhileAllWrite(Victim victim, int round) throws Exception {
    for (WriterContainer container : containers) {
      container.openGate();
    }
    List<Thread> rotations = startRotations();
    pause(30);
    List<WriterContainer> some = at(Moment.values()[round % Moment.values().length]);
    kill(victim, victim == Victim.STUB ? stubs(some) : List.of());
    recover(victim);
    for (Thread rotation : rotations) {
      rotation.join();
    }
    assertSameProcesses(containers);
  }

  private List<Thread> startRotations() {
    return containers.stream()
        .filter(container -> container.output() == Output.ROTATION)
        .map(container ->
            Thread.ofPlatform()
                .start(() -> {
                  container.rotate(this::tasks);
                  container.rotate(this::tasks);
                }))
        .toList();
  }

  private void killWhileSomeEnd(Victim victim) throws Exception {
    // looked up before they may end by themselves
    List<Long> stubs = victim == Victim.STUB ? stubs(at(Moment.EXITING)) : List.of();
    for (WriterContainer container : at(Moment.EXITING)) {
      container.openGate();
    }
    pause(20);
    kill(victim, stubs);
    if (victim == Victim.STUB) {
      endWithoutStub();
    } else {
      end(at(Moment.WHILE_DOWN));
      recover(victim);
    }
    assertSameProcesses(at(Moment.RUNNING));
    for (WriterContainer container : at(Moment.RUNNING)) {
      assertThat(tasks().state(container.process(), SOON).status())
          .isEqualTo(TaskState.Status.RUNNING);
      container.openGate();
    }
  }

  /** Between the death of a stub and its successor nobody is up: hold the shim for as long. */
  private void endWithoutStub() throws Exception {
    long shimPid = tasks().connect("", SOON).shimPid();
    signal("STOP", shimPid);
    try {
      killStubs(stubs(at(Moment.WHILE_DOWN)));
      // with nobody who reads, it can write only what its pipe or terminal holds, so it cannot end
      for (WriterContainer container : at(Moment.WHILE_DOWN)) {
        container.openGate();
      }
      pause(30);
    } finally {
      signal("CONT", shimPid);
    }
  }

  private static void end(List<WriterContainer> ending) throws IOException {
    for (WriterContainer container : ending) {
      container.openGate();
    }
    for (WriterContainer container : ending) {
      Await.until(container + " has ended", SOON, () -> ProcFs.hasEnded(container.pid()));
    }
  }

  private void assertSameProcesses(List<WriterContainer> running) throws IOException {
    for (WriterContainer container : running) {
      assertThat(tasks().state(container.process(), SOON).status())
          .as("state of %s: %s", container, tasks().state(container.process(), SOON))
          .isEqualTo(TaskState.Status.RUNNING);
      assertThat(ProcFs.identity(container.pid()))
          .as("process of %s", container)
          .isEqualTo(container.identity());
    }
  }

  private void assertExitEventsArrived() {
    for (WriterContainer container : containers) {
      Await.until(
          "the exit event of " + container,
          SOON,
          () ->
              berth.events().stream()
                  .anyMatch(event ->
                      event instanceof ShimEvent.Exited exited
                          && exited.process().equals(container.process())
                          && exited.exit().status() == container.exitCode()));
    }
  }

  private void kill(Victim victim, List<Long> stubs) throws Exception {
    switch (victim) {
      case SHIM -> killShim();
      case PARENT -> parent.kill();
      case SHIM_AND_PARENT -> {
        killShim();
        parent.kill();
      }
      case STUB -> killStubs(stubs);
    }
  }

  private void killShim() throws IOException {
    long pid = tasks().connect("", SOON).shimPid();
    Path socket = Path.of(shim.record().address().substring("unix://".length()));
    assertThat(ProcFs.executable(pid)).endsWithRaw(Path.of("java"));
    assertThat(ProcFs.listens(pid, socket)).as("pid %s holds %s", pid, socket).isTrue();
    berth.killShim(shim);
    Await.until("the shim is dead", SOON, () -> ProcFs.hasEnded(pid));
  }

  private static void killStubs(List<Long> stubs) throws Exception {
    for (long stub : stubs) {
      signal("KILL", stub);
    }
  }

  private List<Long> stubs(List<WriterContainer> of) throws IOException {
    List<Long> stubs = new ArrayList<>();
    for (WriterContainer container : of) {
      stubs.add(
          ProcFs.holder("berth-init", berth.taskDirectory(container.id()))
              .orElseThrow(() -> new AssertionError("no stub of " + container)));
    }
    return stubs;
  }

  private void recover(Victim victim) throws IOException {
    switch (victim) {
      case SHIM -> shim = berth.shims().relaunch(shim.record(), SOON);
      case PARENT, SHIM_AND_PARENT -> {
        parent = ShimParent.start(dir, containers.stream().map(WriterContainer::id).toList());
        shim = berth.shims().adopt(parent.record(), SOON);
      }
      case STUB -> {}
    }
  }

  private static void signal(String name, long pid) throws Exception {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor();
  }

  /** Lets the kill come at any moment of a burst. */
  private void pause(int maxMillis) {
    LockSupport.parkNanos(random.nextInt(maxMillis * 1_000_000));
  }
}
