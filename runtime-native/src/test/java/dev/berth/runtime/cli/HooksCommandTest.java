package dev.berth.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.Hooks.Hook;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hooks of a container that {@code berth-runtime} runs, a process for each command. */
@RequiresRoot
class HooksCommandTest {
  private static final String PROPERTY = "berth.init";

  @TempDir private Path base;
  private Path order;

  @BeforeEach
  void findBerthInit() {
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    Path built =
        Path.of(System.getProperty("berth.root.dir"), "runtime-native/target/native", machine);
    System.setProperty(PROPERTY, built.resolve("berth-init").toString());
    order = base.resolve("order");
  }

  @AfterEach
  void forgetBerthInit() {
    System.clearProperty(PROPERTY);
  }

  @Test
  void runGoesThroughAllOfThem() throws IOException {
    Path bundle = bundle(hook("echo createRuntime"));
    assertThat(berth("run", "--bundle", bundle.toString(), "hooked")).isZero();
    assertThat(Files.readAllLines(order)).containsExactly("createRuntime", "poststart", "poststop");
  }

  @Test
  void failedHookIsAFailedCommand() throws IOException {
    Path bundle = bundle(hook("exit 3;"));
    assertThat(berth("create", "--bundle", bundle.toString(), "hooked")).isEqualTo(1);
    assertThat(Files.readAllLines(order)).containsExactly("poststop");
    assertThat(berth("state", "hooked")).isEqualTo(1);
  }

  private int berth(String command, String... arguments) {
    String[] all = new String[arguments.length + 3];
    all[0] = "--root";
    all[1] = base.resolve("run").toString();
    all[2] = command;
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    return RuntimeCli.execute(all);
  }

  private Path bundle(Hook createRuntime) throws IOException {
    Hooks hooks =
        new Hooks(
            List.of(),
            List.of(createRuntime),
            List.of(),
            List.of(),
            List.of(hook("echo poststart")),
            List.of(hook("echo poststop")));
    Path bundle = Files.createDirectory(base.resolve("bundle"));
    Path rootfs = BusyboxBundle.makeRootfs(bundle.resolve("rootfs"));
    RuntimeSpec spec = BusyboxBundle.spec(rootfs, "exit 0").hooks(hooks).build();
    Files.write(bundle.resolve("config.json"), spec.toJson());
    return bundle;
  }

  private Hook hook(String command) {
    return new Hook("/bin/busybox", List.of("sh", "-c", command + " >> " + order), List.of(), 10);
  }
}
