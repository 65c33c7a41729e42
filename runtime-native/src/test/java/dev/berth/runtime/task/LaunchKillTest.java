package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.NamespacesPlan;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A stub is killed in the middle of a launch, while the process it has made waits for an answer: no
 * process and no zombie of the launch stays.
 */
@RequiresRoot
class LaunchKillTest {
  private static final int SIGSTOP = 19;

  private BerthInit program;
  private StubPool stubs;
  private List<Integer> before;

  @BeforeEach
  void open() throws IOException {
    Processes.becomeSubreaper();
    program = BerthInit.open(TaskFixture.berthInit());
    stubs = new StubPool(program, 0);
    before = HostState.childrenNamed("berth-init"); // of other tests in this JVM
  }

  @AfterEach
  void close() {
    stubs.close();
    program.close();
  }

  /** Who kills the stub. */
  enum Killer {
    /** Anybody, at any moment: the kernel for want of memory. */
    KERNEL {
      @Override
      void strike(int stub) {
        HostState.killStub(stub);
      }
    },
    /** The launch itself: it failed, and the stub does not answer. */
    LAUNCH {
      @Override
      void strike(int stub) {
        stop(stub);
        throw new BerthException(BerthException.Kind.INTERNAL, "the maps cannot be written");
      }
    },
    /** The same, and the process that was made does not notice that its stub is gone. */
    LAUNCH_OF_A_STUCK_PROCESS {
      @Override
      void strike(int stub) {
        ProcessTree.children(stub).forEach(LaunchKillTest::stop);
        LAUNCH.strike(stub);
      }
    },
    /** Anybody, and the process that was made does not notice. */
    KERNEL_UNDER_A_STUCK_PROCESS {
      @Override
      void strike(int stub) {
        ProcessTree.children(stub).forEach(LaunchKillTest::stop);
        HostState.killStub(stub);
      }
    };

    abstract void strike(int stub);
  }

  @ParameterizedTest
  @EnumSource
  void nothingOfTheLaunchStays(Killer killer) throws Exception {
    var plan = NamespacesPlan.compile(Set.of(NamespaceType.PID, NamespaceType.IPC));
    AtomicInteger asked = new AtomicInteger();
    Stub stub = Stub.launch(stubs, plan, Map.of(), 0);

    assertThatThrownBy(() ->
            stub.awaitCreated(pid -> {
              asked.set(pid);
              killer.strike(stub.pid());
            }))
        .isInstanceOf(BerthException.class);

    assertThat(asked.get()).isPositive();
    assertThat(Path.of("/proc", Integer.toString(asked.get()))).doesNotExist();
    assertThat(Path.of("/proc", Integer.toString(stub.pid()))).doesNotExist();
    assertThat(HostState.childrenNamed("berth-init")).isSubsetOf(before);
  }

  private static void stop(int pid) {
    try (Fd process = Processes.open(pid).orElseThrow()) {
      Processes.signal(process, SIGSTOP);
    }
    Path status = Path.of("/proc", Integer.toString(pid), "status");
    Await.until(
        "pid " + pid + " has stopped",
        TaskFixture.LIMIT,
        () -> Files.readString(status).contains("State:\tT"));
  }
}
