package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.EventLoop.Interest;
import dev.berth.runtime.kernel.EventLoop.Run;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EventLoopTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private EventLoop loop;
  private List<String> descriptorsBefore;

  @BeforeEach
  void start() {
    descriptorsBefore = OpenDescriptors.snapshot();
    loop = EventLoop.start("test-loop");
  }

  @AfterEach
  void stopAndCheckForLeaks() {
    loop.close();
    assertThat(OpenDescriptors.snapshot()).isEqualTo(descriptorsBefore);
  }

  @Test
  void hundredsOfExitsAreReportedOnceEach() {
    int processes = 300;
    Map<Integer, ExitStatus> exits = new ConcurrentHashMap<>();
    AtomicInteger calls = new AtomicInteger();
    List<Spawner.Child> children = new ArrayList<>();
    try (Fd busybox = SealedProgram.copyOf(Path.of("/bin/busybox"))) {
      for (int i = 0; i < processes; i++) {
        var child = Spawner.of(busybox, List.of("sleep", "1000")).spawn();
        children.add(child);
        loop.once(
            child.pidfd(),
            Interest.READABLE,
            Run.VIRTUAL,
            () -> {
              calls.incrementAndGet();
              exits.put(child.pid(), Processes.reap(child.pidfd()).orElseThrow());
            });
      }
      assertThat(loop.size()).isEqualTo(processes);
      assertThat(calls).hasValue(0);
      children.forEach(child -> Processes.signal(child.pidfd(), 15));
      Await.until("every exit is reported", LIMIT, () -> exits.size() == processes);
    } finally {
      children.forEach(child -> child.pidfd().close());
    }
    assertThat(exits.values()).containsOnly(new ExitStatus.Signaled(15, false));
    assertThat(calls).hasValue(processes);
    assertThat(loop.size()).isZero();
  }

  @Test
  void messagesAreServedInOrderAndNeverTwiceAtOnce() {
    Queue<String> received = new ConcurrentLinkedQueue<>();
    AtomicInteger running = new AtomicInteger();
    AtomicInteger collisions = new AtomicInteger();
    try (var pair = SeqpacketSocket.pair();
        var registration =
            loop.watch(
                pair.second().fd(),
                Interest.READABLE,
                Run.VIRTUAL,
                () -> {
                  collisions.addAndGet(running.getAndIncrement());
                  // One per event: the rest must be reported again.
                  if (pair.second().tryReceive(100)
                      instanceof SeqpacketSocket.Received.Data(var message)) {
                    received.add(new String(message.data(), StandardCharsets.UTF_8));
                  }
                  running.decrementAndGet();
                })) {
      assertThat(registration).isNotNull();
      List<String> sent = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        sent.add("message " + i);
        pair.first().send(sent.getLast().getBytes(StandardCharsets.UTF_8), LIMIT);
      }
      Await.until("all is received", LIMIT, () -> received.size() == 500);
      assertThat(received).containsExactlyElementsOf(sent);
      assertThat(collisions).hasValue(0);
    }
  }

  @Test
  void aClosedPeerIsReported() throws InterruptedException {
    CountDownLatch closed = new CountDownLatch(1);
    try (var pair = SeqpacketSocket.pair();
        var registration =
            loop.once(pair.second().fd(), Interest.READABLE, Run.INLINE, closed::countDown)) {
      pair.first().close();
      assertThat(closed.await(20, TimeUnit.SECONDS)).isTrue();
      registration.close();
    }
  }

  @Test
  void nothingIsCalledAfterClose() throws InterruptedException {
    AtomicInteger late = new AtomicInteger();
    try (var pair = SeqpacketSocket.pair()) {
      var registration =
          loop.watch(pair.second().fd(), Interest.READABLE, Run.INLINE, late::incrementAndGet);
      registration.close();
      registration.close();
      pair.first().send(new byte[1], LIMIT);
      flush();
      assertThat(late).hasValue(0);
      assertThat(loop.size()).isZero();
      // And the descriptor can be registered anew.
      CountDownLatch called = new CountDownLatch(1);
      loop.once(pair.second().fd(), Interest.READABLE, Run.INLINE, called::countDown);
      assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void aFailingCallbackHarmsNobody() {
    AtomicInteger calls = new AtomicInteger();
    try (var pair = SeqpacketSocket.pair();
        var registration =
            loop.watch(
                pair.second().fd(),
                Interest.READABLE,
                Run.INLINE,
                () -> {
                  pair.second().tryReceive(10);
                  calls.incrementAndGet();
                  throw new IllegalStateException("thrown on purpose");
                })) {
      assertThat(registration).isNotNull();
      pair.first().send(new byte[1], LIMIT);
      Await.until("the first call", LIMIT, () -> calls.get() == 1);
      pair.first().send(new byte[1], LIMIT);
      Await.until("the second call", LIMIT, () -> calls.get() == 2);
    }
  }

  @Test
  void timersFireInOrderAndCanBeTakenBack() throws InterruptedException {
    Queue<String> fired = new ConcurrentLinkedQueue<>();
    CountDownLatch last = new CountDownLatch(1);
    loop.after(
        Duration.ofMillis(60),
        Run.INLINE,
        () -> {
          fired.add("second");
          last.countDown();
        });
    loop.after(Duration.ofMillis(10), Run.INLINE, () -> fired.add("first"));
    var cancelled = loop.after(Duration.ofMillis(30), Run.INLINE, () -> fired.add("never"));
    assertThat(cancelled.cancel()).isTrue();
    assertThat(cancelled.cancel()).isFalse();
    assertThat(last.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(fired).containsExactly("first", "second");
    assertThat(loop.size()).isZero();
  }

  @Test
  void timersDoNotFireEarly() throws InterruptedException {
    CountDownLatch fired = new CountDownLatch(1);
    long start = System.nanoTime();
    loop.after(Duration.ofMillis(25), Run.VIRTUAL, fired::countDown);
    assertThat(fired.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(25_000_000);
  }

  @Test
  void aClosedLoopTakesNothingMore() {
    loop.close();
    loop.close();
    assertThatThrownBy(() -> loop.after(Duration.ZERO, Run.INLINE, () -> {}))
        .isInstanceOf(BerthException.class)
        .hasMessage("test-loop is closed");
  }

  @Test
  void whatCannotBeWaitedForIsRefused() throws IOException {
    Path file = Files.createTempFile("berth", "");
    try (Fd fd = Descriptors.open(file)) {
      assertThatThrownBy(() -> loop.watch(fd, Interest.READABLE, Run.INLINE, () -> {}))
          .isInstanceOf(NativeException.class)
          .hasMessageContaining("EPERM");
      assertThat(loop.size()).isZero();
    } finally {
      Files.delete(file);
    }
  }

  @Test
  @RequiresRoot
  void changesOfCgroupEventsAreReported() throws IOException {
    Path unified = cgroupV2();
    Path group = Files.createDirectory(unified.resolve("berth-test-event-loop"));
    Queue<String> seen = new ConcurrentLinkedQueue<>();
    try (Fd busybox = SealedProgram.copyOf(Path.of("/bin/busybox"));
        Fd events = Descriptors.open(group.resolve("cgroup.events"))) {
      Runnable read =
          () -> seen.add(new String(Descriptors.readAt(events, 0, 200), StandardCharsets.UTF_8));
      read.run();
      var child = Spawner.of(busybox, List.of("sleep", "1000")).spawn();
      try (Fd pidfd = child.pidfd();
          var registration = loop.watch(events, Interest.CHANGED, Run.VIRTUAL, read)) {
        assertThat(registration).isNotNull();
        Files.writeString(group.resolve("cgroup.procs"), Integer.toString(child.pid()));
        Await.until(
            "the group is populated",
            LIMIT,
            () -> seen.stream().anyMatch(text -> text.contains("populated 1")));
        seen.clear();
        Processes.signal(pidfd, 9);
        Processes.waitFor(pidfd, LIMIT);
        Await.until(
            "the group is empty",
            LIMIT,
            () -> seen.stream().anyMatch(text -> text.contains("populated 0")));
      }
    } finally {
      Files.delete(group);
    }
  }

  private static Path cgroupV2() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      if (line.contains(" - cgroup2 ")) {
        return Path.of(line.split(" ", -1)[4]);
      }
    }
    throw new AssertionError("no cgroup2 mount on this machine");
  }

  /** Returns once the loop has dispatched what was there before. */
  private void flush() throws InterruptedException {
    CountDownLatch passed = new CountDownLatch(1);
    loop.after(Duration.ofMillis(5), Run.INLINE, passed::countDown);
    assertThat(passed.await(20, TimeUnit.SECONDS)).isTrue();
  }
}
