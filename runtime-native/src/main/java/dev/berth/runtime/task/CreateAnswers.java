package dev.berth.runtime.task;

import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.HookSteps;
import dev.berth.runtime.plan.MountSteps;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.NetDevice;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Answers what a container's process asks while it is made. */
final class CreateAnswers implements Stub.Answers, AutoCloseable {
  private final IdMappings ids;
  private final ContainerHooks hooks;
  private final @Nullable StateFile state; // null where no hook inside the container reads it
  private final Operation operation;
  private final Iterator<String> copies;
  private final Map<String, NetDevice> netDevices;
  private boolean hooksBegun;

  CreateAnswers(RuntimeSpec spec, ContainerHooks hooks, Operation operation) {
    Linux linux = spec.linux();
    this.ids = linux == null ? IdMappings.NONE : linux.idMappings();
    this.netDevices = linux == null ? Map.of() : linux.netDevices();
    this.copies = copiedUp(spec.mounts()).iterator();
    this.operation = operation;
    this.hooks = hooks;
    this.state = HookSteps.needState(hooks.hooks()) ? new StateFile() : null;
  }

  /** Passes on what the hooks inside the container read. */
  void pass(OpenFiles files) {
    if (state != null) {
      files.add(HookSteps.STATE, state.openForReading());
    }
  }

  /** True once a hook may have run: those of the container's end are due then, come what may. */
  boolean hooksBegun() {
    return hooksBegun;
  }

  @Override
  public void writeIdMaps(int pid) {
    IdMaps.write(pid, ids);
  }

  /** The fields of the mounts that are filled, in the order in which they are made. */
  private static List<String> copiedUp(List<Mount> mounts) {
    return IntStream.range(0, mounts.size())
        .filter(i -> MountSteps.copiesUp(mounts.get(i)))
        .mapToObj(i -> MountSteps.field(mounts.get(i), i))
        .toList();
  }

  @Override
  public void copyUp(int pid) {
    if (!copies.hasNext()) {
      throw Stub.Answers.outOfTurn(pid);
    }
    CopyUp.run(pid, copies.next());
  }

  @Override
  public void moveNetDevices(int pid) {
    NetDevices.move(pid, netDevices);
  }

  @Override
  public void runCreateHooks(int pid) {
    hooksBegun = true;
    hooks.runBeforePivot(pid, operation);
    tell("creating", pid);
  }

  @Override
  public void tellCreated(int pid) {
    tell("created", pid);
  }

  private void tell(String status, int pid) {
    if (state != null) {
      state.write(hooks.state(status, Processes.innermostPid(pid)));
    }
  }

  @Override
  public void close() {
    if (state != null) {
      state.close();
    }
  }
}
