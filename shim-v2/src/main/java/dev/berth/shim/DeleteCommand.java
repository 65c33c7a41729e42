package dev.berth.shim;

import static java.lang.System.Logger.Level.WARNING;

import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import dev.berth.base.BerthException;
import dev.berth.proto.shim.task.v3.DeleteRequest;
import dev.berth.proto.shim.task.v3.DeleteResponse;
import dev.berth.proto.shim.task.v3.KillRequest;
import dev.berth.proto.shim.task.v3.WaitRequest;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.task.BerthInit;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.Tasks;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.TtrpcClient;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Answers {@code delete}: frees one container for good, whatever its state and whether or not a
 * shim still serves. What is gone already is no error.
 */
final class DeleteCommand {
  private static final System.Logger LOG = System.getLogger(DeleteCommand.class.getName());
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int SIGKILL = 9;
  private static final int KILLED = 128 + SIGKILL;
  private static final String SERVICE = "containerd.task.v3.Task";

  private final ShimDirectory directory;
  private final String containerId;

  DeleteCommand(ShimDirectory directory, String containerId) {
    this.directory = directory;
    this.containerId = containerId;
  }

  DeleteResponse run() throws IOException {
    try (var _ = directory.lockStarting()) {
      directory.create();
      Optional<ShimDirectory.Lock> serving = directory.tryLockServing();
      if (serving.isEmpty()) {
        return askShim();
      }
      try (var _ = serving.get()) {
        DeleteResponse response = deleteHere();
        directory.deleteLoggers(containerId::equals);
        return response;
      }
    }
  }

  /** A shim lives and owns the task: it must not find it gone. */
  private DeleteResponse askShim() {
    try (var client = TtrpcClient.connect(directory.socket(), LIMIT)) {
      var kill = KillRequest.newBuilder().setId(containerId).setSignal(SIGKILL).setAll(true);
      ignoreMissing(() -> call(client, "Kill", kill.build()));
      var wait = WaitRequest.newBuilder().setId(containerId).build();
      ignoreMissing(() -> call(client, "Wait", wait));
      var delete = DeleteRequest.newBuilder().setId(containerId).build();
      return client.call(SERVICE, "Delete", delete, DeleteResponse.parser(), Metadata.NONE, LIMIT);
    } catch (BerthException e) {
      if (e.kind() == BerthException.Kind.NOT_FOUND) {
        return discard(); // it could not take this one over
      }
      throw e;
    }
  }

  private static void call(TtrpcClient client, String method, MessageLite request) {
    client.call(SERVICE, method, request, Empty.parser(), Metadata.NONE, LIMIT);
  }

  private static void ignoreMissing(Runnable action) {
    try {
      action.run();
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.NOT_FOUND) {
        throw e;
      }
    }
  }

  private DeleteResponse deleteHere() {
    try (var init = BerthInit.open();
        var tasks = new Tasks(directory.tasks(), init, Cgroups.detect())) {
      Task task;
      try {
        task = tasks.adopt(containerId);
      } catch (BerthException e) {
        if (e.kind() != BerthException.Kind.NOT_FOUND) {
          LOG.log(WARNING, "container " + containerId + " is ended by its cgroup alone", e);
        }
        return discard(tasks);
      }
      task.kill(SIGKILL, true);
      Optional<TaskExit> exit = task.await(LIMIT);
      task.delete();
      return response(task.pid(), exit.orElseGet(() -> new TaskExit(KILLED, Instant.now(), false)));
    }
  }

  private DeleteResponse discard() {
    try (var init = BerthInit.open();
        var tasks = new Tasks(directory.tasks(), init, Cgroups.detect())) {
      return discard(tasks);
    }
  }

  /** What cannot be understood is ended all the same. */
  private DeleteResponse discard(Tasks tasks) {
    ignoreMissing(() -> tasks.discard(containerId));
    return nothingLeft();
  }

  private static DeleteResponse nothingLeft() {
    return response(0, new TaskExit(KILLED, Instant.now(), false));
  }

  private static DeleteResponse response(int pid, TaskExit exit) {
    return DeleteResponse.newBuilder()
        .setPid(pid)
        .setExitStatus(exit.code())
        .setExitedAt(Timestamps.of(exit.at()))
        .build();
  }
}
