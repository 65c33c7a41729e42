package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import dev.berth.runtime.kernel.SyscallTable;
import dev.berth.runtime.plan.LaunchPlan;
import dev.berth.runtime.plan.Question;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A berth-init that was spawned with a plan, until its process is created and started.
 *
 * <p>Owns the boot connection, the plan's memory and, as its parent, the stub process. Not
 * thread-safe.
 */
final class Stub implements AutoCloseable {
  /** How long any single step of a launch may take: mounts on a hung server are the worst. */
  private static final Duration LAUNCH_LIMIT = Duration.ofSeconds(60);

  private static final Duration REAP_LIMIT = Duration.ofSeconds(5);
  private static final Duration ABORT_LIMIT = Duration.ofSeconds(2);

  /** Answers a question of the process that is being made. */
  interface Answers {
    /**
     * Writes the id maps of the asking process.
     *
     * @throws BerthException naming the field, which then aborts the launch
     */
    void writeIdMaps(int pid);

    /**
     * Runs the hooks that belong before those of the asking process, and says what its own are
     * told.
     *
     * @throws BerthException naming the hook that failed, which then aborts the launch
     */
    default void runCreateHooks(int pid) {
      throw outOfTurn(pid);
    }

    /** Says what the asking process's hooks are told once it was started. */
    default void tellCreated(int pid) {
      throw outOfTurn(pid);
    }

    /**
     * Fills the next of the mounts that get what the image has in their place.
     *
     * @throws BerthException naming the mount, which then aborts the launch
     */
    default void copyUp(int pid) {
      throw outOfTurn(pid);
    }

    /**
     * Moves the network devices that are the container's into the asking process's namespace.
     *
     * @throws BerthException naming the device, which then aborts the launch
     */
    default void moveNetDevices(int pid) {
      throw outOfTurn(pid);
    }

    /** For a question that the plan has no cause to ask. */
    static BerthException outOfTurn(int pid) {
      return new BerthException(
          BerthException.Kind.INTERNAL, "pid " + pid + " asks what its plan has no cause to ask");
    }
  }

  /** A created process: its number as this JVM sees it, and descriptors the caller owns. */
  record Created(int pid, Fd pidfd, @Nullable Fd master) {
    /** Lets go of the process. Idempotent. */
    void close() {
      pidfd.close();
      if (master != null) {
        master.close();
      }
    }
  }

  /** Names the step that failed; forgotten after the exec, because a task lives long. */
  private @Nullable LaunchPlan plan;

  private final Spawner.Child child;
  private final StubChannel channel;

  /** How long a step, and what a plan waits for, may take. */
  private final Duration patience;

  private Stub(LaunchPlan plan, Spawner.Child child, StubChannel channel) {
    this.plan = plan;
    this.child = child;
    this.channel = channel;
    this.patience = LAUNCH_LIMIT.plus(plan.patience());
  }

  /**
   * Hands a stub its plan.
   *
   * @param stubs where it is taken from
   * @param descriptors by the names that the plan gives them; they stay the caller's
   * @param adoptedPid of a process that already runs; 0 when the plan clones one
   */
  static Stub launch(StubPool stubs, LaunchPlan plan, Map<String, Fd> descriptors, int adoptedPid) {
    try (Fd memory = Memfd.create("launch-plan", 0)) {
      return launch(stubs, plan, descriptors, adoptedPid, memory);
    }
  }

  /**
   * The same with the plan in a file of the caller's.
   *
   * @param memory empty; the processes of the plan go on writing how far they have come
   */
  static Stub launch(
      StubPool stubs, LaunchPlan plan, Map<String, Fd> descriptors, int adoptedPid, Fd memory) {
    List<Fd> passed = new ArrayList<>();
    Descriptors.writeAt(memory, 0, plan.encode(SyscallTable.host(), adoptedPid));
    passed.add(memory);
    for (String name : plan.descriptors()) {
      Fd descriptor = descriptors.get(name);
      if (descriptor == null) {
        throw new IllegalArgumentException("the plan wants a descriptor " + name);
      }
      passed.add(descriptor);
    }
    StubPool.Spare spare = stubs.take();
    Stub stub = new Stub(plan, spare.child(), spare.channel());
    try {
      stub.channel.send(StubMessage.of(StubMessage.Kind.PLAN), passed, LAUNCH_LIMIT);
      return stub;
    } catch (RuntimeException e) {
      stub.abort();
      throw e;
    }
  }

  /**
   * Waits until everything but the exec has happened, answering questions meanwhile. On failure no
   * process is left.
   *
   * @throws BerthException naming the field of the step that failed
   */
  Created awaitCreated(Answers answers) {
    try {
      while (true) {
        StubChannel.Reply reply = expect();
        StubMessage message = reply.message();
        switch (message.kind()) {
          case ASKED -> answer(message, answers);
          case CREATED -> {
            return created(message.a(), reply.descriptors());
          }
          default -> throw unexpected(message);
        }
      }
    } catch (RuntimeException e) {
      abort();
      throw e;
    }
  }

  private void answer(StubMessage question, Answers answers) {
    int pid = question.b();
    switch (Question.of(question.a()).orElseThrow(() -> Answers.outOfTurn(pid))) {
      case ID_MAPS -> answers.writeIdMaps(pid);
      case CREATE_HOOKS -> answers.runCreateHooks(pid);
      case CREATED_STATE -> answers.tellCreated(pid);
      case COPY_UP -> answers.copyUp(pid);
      case NET_DEVICES -> answers.moveNetDevices(pid);
      case START -> throw Answers.outOfTurn(pid); // the stub answers it
    }
    channel.send(StubMessage.of(StubMessage.Kind.ANSWER), List.of(), LAUNCH_LIMIT);
  }

  static Created created(int pid, List<Fd> descriptors) {
    return new Created(
        pid, descriptors.getFirst(), descriptors.size() > 1 ? descriptors.get(1) : null);
  }

  /** Waits until an adopting stub has taken over. */
  void awaitAdopted() {
    StubMessage message = expect().message();
    if (message.kind() != StubMessage.Kind.OK) {
      throw unexpected(message);
    }
  }

  /**
   * Opens the start gate and returns when the exec has happened.
   *
   * @param receiver of the listener, if the process has a filter with one
   * @throws BerthException naming the field if it did not: the process is gone then
   */
  void start(ListenerReceiver receiver) {
    sendStart();
    awaitStarted(receiver);
  }

  /** Opens the start gate, also before the process has come to it. */
  void sendStart() {
    channel.send(StubMessage.of(StubMessage.Kind.START), List.of(), LAUNCH_LIMIT);
  }

  /** Returns when the exec has happened; see {@link #start}. */
  void awaitStarted(ListenerReceiver receiver) {
    StubMessage message = ListenerReceiver.answerToStart(this::expect, receiver);
    if (message.kind() != StubMessage.Kind.STARTED) {
      if (hasHooks()) {
        Orphans.endAll(child.pid());
      }
      throw unexpected(message);
    }
    plan = null;
  }

  /** Ends the stub and leaves its process, which waits at a gate of its own, to another parent. */
  void release() {
    channel.send(StubMessage.of(StubMessage.Kind.RELEASE), List.of(), LAUNCH_LIMIT);
    StubMessage message = expect().message();
    if (message.kind() != StubMessage.Kind.OK) {
      throw unexpected(message);
    }
    end();
  }

  /**
   * Opens the start gate, and once the exec has happened ends the stub and leaves its process to
   * another parent.
   *
   * @throws BerthException naming the field if it did not: the process is gone then
   */
  void startAndRelease(ListenerReceiver receiver) {
    channel.send(StubMessage.of(StubMessage.Kind.RELEASE, 1, 0), List.of(), LAUNCH_LIMIT);
    awaitStarted(receiver);
    end();
  }

  private void end() {
    channel.close();
    reap();
  }

  /** A hook that failed can have left processes of its own, which are no children of the stub. */
  private boolean hasHooks() {
    return patience.compareTo(LAUNCH_LIMIT) > 0;
  }

  private StubChannel.Reply expect() {
    while (true) {
      StubChannel.Reply reply =
          channel
              .receive(patience)
              .orElseThrow(() ->
                  new BerthException(BerthException.Kind.INTERNAL, "berth-init ended by itself"));
      if (reply.message().kind() != StubMessage.Kind.STDIN_CLOSED) { // which nobody asked for
        return reply;
      }
    }
  }

  private BerthException unexpected(StubMessage message) {
    LaunchPlan executing = plan;
    boolean failed =
        message.kind() == StubMessage.Kind.FAILED || message.kind() == StubMessage.Kind.ERROR;
    if (executing == null || !failed) {
      return new BerthException(
          BerthException.Kind.INTERNAL, "berth-init sent " + message.kind() + " out of turn");
    }
    return message.kind() == StubMessage.Kind.FAILED
        ? executing.failure(message.a() - 1, message.b())
        : executing.failure(-1, message.a());
  }

  /**
   * The connection on which the exit is announced; readable at that moment or when the stub dies.
   */
  StubChannel channel() {
    return channel;
  }

  int pid() {
    return child.pid();
  }

  /**
   * Ends the stub before its process was started, and with it that process. The stub gets a moment
   * to do it itself, so that it also reaps; then it is killed. What a killed stub leaves, whoever
   * killed it, is ended here. Idempotent.
   */
  void abort() {
    if (!channel.isOpen()) {
      return;
    }
    try {
      channel.send(StubMessage.of(StubMessage.Kind.ABORT), List.of(), ABORT_LIMIT);
    } catch (BerthException e) {
      // gone already, which is what was wanted
    }
    channel.close();
    if (child.pidfd().isOpen()) {
      if (!Processes.awaitExit(child.pidfd(), ABORT_LIMIT)) {
        Orphans.killWithDescendants(child);
        Processes.awaitExit(child.pidfd(), REAP_LIMIT);
      }
      boolean killed = Processes.peek(child.pidfd()).orElse(null) instanceof ExitStatus.Signaled;
      if (killed || hasHooks()) {
        Orphans.endAll(child.pid());
      }
    }
    reap();
  }

  /** Reaps the stub once it has ended; it does so right after it wrote its record. Idempotent. */
  void reap() {
    if (child.pidfd().isOpen()) {
      Processes.waitFor(child.pidfd(), REAP_LIMIT);
      child.pidfd().close();
    }
  }

  /** Lets go of the stub without ending it: it serves on, found by its control socket. */
  @Override
  public void close() {
    channel.close();
    child.pidfd().close();
  }
}
