package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node's probes are thousands of commands an hour: nothing of them may stay. */
@RequiresRoot
class ExecSyncSoakTest {
  private static final int CALLS = Integer.getInteger("berth.execs", 5_000);
  private static final int CALLERS = 3;

  /** Before the first look: pools are filled then, and heaps have found their size. */
  private static final int WARM_UP = 1_000;

  private static final long TOLERATED_KIB = 5 << 10;

  @TempDir private Path directory;

  @Test
  void thousandsOfCommandsLeaveNothing() throws Exception {
    try (PodNode started = PodNode.start(directory)) {
      Pods pods = started.pods();
      PodSandboxConfig config = pods.config("probed");
      String pod = pods.run(config);
      String id =
          pods.launch(pod, config, Pods.shell("main", started.image(), "exec sleep 1000000"));
      run(pods, id, WARM_UP);
      // Both looks at memory follow a collection of garbage, of which a thread stays.
      LiveObjects ofBerthd = LiveObjects.of(started.node().berthdPid());
      LiveObjects ofShim = LiveObjects.of(shim(started.node()));
      HostSnapshot before = HostSnapshot.take(started.node());
      long memory = residentKib(started.node());

      run(pods, id, CALLS);

      before.assertRestored();
      assertThat(zombies()).isEmpty();
      LiveObjects.of(started.node().berthdPid()).assertNoneGrewBy(CALLS / 2, ofBerthd);
      LiveObjects.of(shim(started.node())).assertNoneGrewBy(CALLS / 2, ofShim);
      assertThat(residentKib(started.node()) - memory)
          .as("KiB more than after the first %d commands", WARM_UP)
          .isLessThan(TOLERATED_KIB);
    }
  }

  /** Prints something in every call, and sees that it is what was asked for. */
  private static void run(Pods pods, String id, int calls) throws Exception {
    try (ExecutorService callers = Executors.newFixedThreadPool(CALLERS)) {
      List<Future<Integer>> done = new ArrayList<>();
      for (int caller = 0; caller < CALLERS; caller++) {
        String text = "caller " + caller;
        done.add(callers.submit(() -> runAll(pods, id, text, calls / CALLERS)));
      }
      for (Future<Integer> one : done) {
        assertThat(one.get()).isZero();
      }
    }
  }

  /** Returns how many went wrong. */
  private static int runAll(Pods pods, String id, String text, int calls) {
    int wrong = 0;
    for (int i = 0; i < calls; i++) {
      var result = pods.exec(id, 20, "echo", text);
      if (result.getExitCode() != 0 || !result.getStdout().toStringUtf8().equals(text + "\n")) {
        wrong++;
      }
    }
    return wrong;
  }

  /** Returns the processes that have ended and were not reaped, of all that this test began. */
  private static List<String> zombies() {
    return ProcessHandle.current()
        .descendants()
        .filter(process -> status(process.pid(), "State").startsWith("Z"))
        .map(ProcessHandle::toString)
        .toList();
  }

  /** Returns what berthd and the shim have of memory that is theirs alone. */
  private static long residentKib(BerthNode node) {
    return anonymousKib(node.berthdPid()) + anonymousKib(shim(node));
  }

  private static long shim(BerthNode node) {
    return node.shim().orElseThrow().pid();
  }

  private static long anonymousKib(long pid) {
    String value = status(pid, "RssAnon");
    return Pattern.compile("\\d+")
        .matcher(value)
        .results()
        .map(MatchResult::group)
        .mapToLong(Long::parseLong)
        .findFirst()
        .orElseThrow();
  }

  /** Returns a field of proc_pid_status(5); empty if the process is gone. */
  private static String status(long pid, String field) {
    try {
      return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
          .filter(line -> line.startsWith(field + ":"))
          .map(line -> line.substring(field.length() + 1).strip())
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      return "";
    }
  }
}
