package dev.berth.runtime.task;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Specs that were generated, each run as a container that looks around: what it sees is what
 * config.json says, and what that is silent about is as in a process that a shell started.
 *
 * <p>{@code -Dberth.specs=1000} runs more of them, {@code -Dberth.seed=N} those of a seed that a
 * failure has named.
 */
@RequiresRoot
class SpecPropertyTest {
  private static final int MOST_FAILURES = 5;
  private static final int SPECS = Integer.getInteger("berth.specs", 40);

  private final String parent = "/berth-test-property-" + ProcessHandle.current().pid();
  private TaskFixture fixture;
  private ObservedRootfs rootfs;
  private Task partner;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    rootfs = ObservedRootfs.make(fixture.rootfs, fixture.base.resolve("source"));
    partner = fixture.create("partner", fixture.spec("sleep 10000").build());
    partner.start();
  }

  @AfterEach
  void close() throws IOException {
    partner.close();
    rootfs.close();
    fixture.close();
    CgroupCleanup.removeParent(parent + "/c");
  }

  @Test
  void whatIsSeenFromInsideIsWhatTheSpecSays() throws IOException {
    long first = Long.getLong("berth.seed", System.nanoTime());
    SpecObserver host = SpecObserver.ofTheHost();
    Map<String, Long> own = ownLimits();
    List<String> failures = new ArrayList<>();
    for (long seed = first; seed < first + SPECS && failures.size() < MOST_FAILURES; seed++) {
      RuntimeSpec spec = new SpecGenerator(seed, rootfs, parent, own, partner.pid()).next();
      try {
        run(spec, new SpecExpectation(spec, host, own));
      } catch (RuntimeException | AssertionError e) {
        failures.add("-Dberth.specs=1 -Dberth.seed=" + seed + ": " + e.getMessage() + text(spec));
        fixture.endLeft("run");
      }
      rootfs.clean();
    }
    if (!failures.isEmpty()) {
      throw new AssertionError(String.join("\n\n", failures));
    }
    System.out.println("spec properties: " + SPECS + " specs from seed " + first);
  }

  @Test
  void valueOfAnotherTypeIsRefusedWithItsPath() throws IOException {
    long first = Long.getLong("berth.seed", System.nanoTime());
    Map<String, Long> own = ownLimits();
    for (long seed = first; seed < first + 10L * SPECS; seed++) {
      RuntimeSpec spec = new SpecGenerator(seed, rootfs, parent, own, partner.pid()).next();
      JsonObject config =
          JsonParser.parseString(new String(spec.toJson(), UTF_8)).getAsJsonObject();
      WrongField.OfAnotherType wrong = WrongField.retype(config, new Random(seed));
      assertThatThrownBy(() -> RuntimeSpec.parse(wrong.json().getBytes(UTF_8)))
          .as("-Dberth.seed=" + seed + " " + wrong)
          .isInstanceOf(BerthException.class)
          .hasMessageStartingWith("config.json: " + wrong.path() + ": expected ");
    }
  }

  /** Whatever stage finds out, the error says where and all that was made is gone. */
  @Test
  void whatTheKernelRefusesIsNamedAndLeavesNothing() throws IOException {
    long first = Long.getLong("berth.seed", System.nanoTime());
    Map<String, Long> own = ownLimits();
    for (long seed = first; seed < first + Math.max(1, SPECS / 10); seed++) {
      RuntimeSpec spec = new SpecGenerator(seed, rootfs, parent, own, partner.pid()).next();
      String before = everythingMade();
      for (WrongField wrong : WrongField.unknownToTheValidator(spec)) {
        SpecValidator.validate(wrong.spec());
        assertThat(catchThrowable(() -> fixture.run(wrong.spec())))
            .as("-Dberth.seed=" + seed + " " + wrong.names() + text(wrong.spec()))
            .isInstanceOf(BerthException.class)
            .message()
            .contains(wrong.names());
        fixture.endLeft("run"); // a start that failed leaves a container that has stopped
        assertThat(everythingMade()).as(wrong.names()).isEqualTo(before);
      }
      rootfs.clean();
    }
  }

  private String everythingMade() throws IOException {
    String host = HostState.read(fixture.base);
    StringBuilder processes = new StringBuilder(); // of spare stubs there may be more or fewer
    for (int stub : HostState.childrenNamed("berth-init")) {
      processes.append(
          Files.readString(Path.of("/proc/%d/task/%d/children".formatted(stub, stub))));
    }
    return host.substring(0, host.indexOf("stubs:"))
        + processes
        + list(fixture.base.resolve("state"))
        + cgroups();
  }

  private String cgroups() throws IOException {
    StringBuilder found = new StringBuilder();
    for (Path hierarchy : list(Path.of("/sys/fs/cgroup"))) {
      found.append(list(hierarchy.resolve(parent.substring(1))));
    }
    return found + list(Path.of("/sys/fs/cgroup", parent)).toString();
  }

  private static List<Path> list(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(Files::isDirectory).sorted().toList();
    }
  }

  private void run(RuntimeSpec spec, SpecExpectation expected) throws IOException {
    String before = HostState.read(fixture.base);
    RuntimeSpec read = RuntimeSpec.parse(spec.toJson());
    assertThat(read).isEqualTo(spec);
    SpecValidator.validate(read);
    expected.check(SpecObserver.read(fixture.run(read)));
    assertThat(HostState.read(fixture.base)).as("the host").isEqualTo(before);
  }

  /** Without the observer's script. */
  private static String text(RuntimeSpec spec) {
    ContainerProcess process = spec.process().toBuilder().args(List.of("the observer")).build();
    return "\n" + new String(spec.toBuilder().process(process).build().toJson(), UTF_8);
  }

  /** Hard limits of this process, by their RLIMIT names; -1 is unlimited. */
  private static Map<String, Long> ownLimits() throws IOException {
    Map<String, Long> limits = new HashMap<>();
    SpecObserver self =
        SpecObserver.read("@@limits\n" + Files.readString(Path.of("/proc/self/limits")));
    self.limits()
        .forEach((name, both) -> {
          String hard = both.substring(both.indexOf(' ') + 1);
          String type = SpecExpectation.typeOf(name);
          limits.put(type, hard.equals("unlimited") ? -1L : Long.parseUnsignedLong(hard));
        });
    return limits;
  }
}
