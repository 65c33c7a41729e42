package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.task.AttachStreams;
import dev.berth.runtime.task.Attachment;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;

/** The streams of all pods. Thread-safe. */
final class PodStreams implements Streams {
  private final Registry registry;
  private final Tasks tasks;
  private final PodNamespaces namespaces;
  private final PodPaths paths;
  private final Runnable requireRecovered;

  PodStreams(
      Registry registry,
      Tasks tasks,
      PodNamespaces namespaces,
      PodPaths paths,
      Runnable requireRecovered) {
    this.registry = registry;
    this.tasks = tasks;
    this.namespaces = namespaces;
    this.paths = paths;
    this.requireRecovered = requireRecovered;
  }

  @Override
  public String requireRunning(String containerId) {
    return running(containerId).id();
  }

  private Container running(String containerId) {
    requireRecovered.run();
    Container container = registry.containers.require(containerId);
    if (!(container.currentState() instanceof ContainerState.Running)) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "container " + container.id() + " is not running: it is " + container.describe());
    }
    return container;
  }

  @Override
  public String requireReady(String sandboxId) {
    return ready(sandboxId).id();
  }

  private Sandbox ready(String sandboxId) {
    requireRecovered.run();
    Sandbox sandbox = registry.sandboxes.require(sandboxId);
    if (sandbox.state() != SandboxState.READY) {
      throw new BerthException(FAILED_PRECONDITION, "sandbox " + sandbox.id() + " is not ready");
    }
    return sandbox;
  }

  @Override
  public StreamedProcess exec(
      String containerId,
      List<String> command,
      boolean terminal,
      StandardStreams wanted,
      Operation operation) {
    if (command.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "cmd of Exec is empty");
    }
    String id = running(containerId).id();
    return ExecStream.start(tasks, paths, id, command, terminal, wanted, operation);
  }

  @Override
  public StreamedProcess attach(String containerId, StandardStreams wanted, Operation operation) {
    Container container = running(containerId);
    if (!tasks.hasExtension(container.id())) {
      throw new BerthException(
          UNIMPLEMENTED,
          "Attach: the shim of container " + container.id() + " cannot be attached to");
    }
    Path directory = tasks.locate(container.id(), operation);
    boolean input = wanted.stdin() && container.record().config().getStdin();
    return new AttachStream(attach(directory, input, wanted), wanted);
  }

  /** An input that was closed for good is as good as none: the outputs are still to be had. */
  private static Attachment attach(Path directory, boolean input, StandardStreams wanted) {
    if (input) {
      try {
        return Attachment.open(directory, streams(true, wanted));
      } catch (BerthException e) {
        if (e.kind() != FAILED_PRECONDITION) {
          throw e;
        }
      }
    }
    return Attachment.open(directory, streams(false, wanted));
  }

  /** An output always, because by its end that of the process is seen. */
  private static AttachStreams streams(boolean input, StandardStreams wanted) {
    boolean output = wanted.stdout() || !wanted.stderr();
    return new AttachStreams(input, output, wanted.stderr());
  }

  @Override
  public SocketChannel forward(String sandboxId, int port, Operation operation) {
    Sandbox sandbox = ready(sandboxId);
    return SandboxConfigs.hasHostNetwork(sandbox.record().config())
        ? PortConnection.onHost(port)
        : PortConnection.inSandbox(() -> namespaces.openNetwork(sandbox.id()), port);
  }
}
