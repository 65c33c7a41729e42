package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** OCI hooks of containers of the shim, whichever shim is there when their moment comes. */
@RequiresRoot
class ShimHooksTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  private final String id = Ids.generate();
  private final TaskProcess init = TaskProcess.init(id);
  @TempDir Path dir;
  private BerthShim berth;
  private Shim shim;
  private Path order;

  @BeforeEach
  void start() throws Exception {
    berth = BerthShim.prepare(dir);
    shim = launch();
    order = dir.resolve("order");
  }

  @AfterEach
  void cleanUp() throws Exception {
    berth.close();
  }

  private Shim launch() throws Exception {
    return berth.shims().launch(berth.binary().toString(), id, dir, null, SOON);
  }

  private TaskClient tasks() {
    return shim.tasks();
  }

  private BusyboxBundle bundle(String... args) throws IOException {
    Path directory = Files.createDirectories(dir.resolve(id));
    BusyboxBundle bundle =
        BusyboxBundle.create(directory, "/berth-test-" + id.substring(0, 12), args);
    for (String point : List.of("prestart", "createRuntime", "createContainer")) {
      bundle.withHook(point, note(point, order));
    }
    Path insideOrder = Path.of("/tmp/order");
    Files.createSymbolicLink(order, directory.resolve("rootfs/tmp/order"));
    return bundle
        .withHook("startContainer", note("startContainer", insideOrder))
        .withHook("poststart", note("poststart", order))
        .withHook("poststop", note("poststop", order));
  }

  /** Writes the point and the status that it was told. */
  private static String note(String point, Path order) {
    String status = "$(/bin/busybox grep -oE 'creating|created|running|stopped')";
    return "echo " + point + " " + status + " >> " + order;
  }

  private void create(BusyboxBundle bundle) {
    tasks().create(new CreateTask(id, bundle.directory(), List.of(), TaskIo.NONE, null), SOON);
  }

  @Test
  void allKindsRunAcrossTwoShims() throws Exception {
    create(bundle("sleep", "100"));
    assertThat(Files.readAllLines(order))
        .containsExactly("prestart creating", "createRuntime creating", "createContainer creating");

    berth.killShim(shim);
    shim = launch();
    tasks().start(init, SOON);
    assertThat(Files.readAllLines(order))
        .endsWith("createContainer creating", "startContainer created", "poststart running");

    berth.killShim(shim);
    shim = launch();
    tasks().kill(init, 9, false, SOON);
    tasks().waitFor(init, SOON);
    tasks().delete(init, SOON);
    assertThat(Files.readAllLines(order)).hasSize(6).endsWith("poststop stopped");
  }

  @Test
  void failedHookFailsTheCreateAndNamesItself() throws Exception {
    BusyboxBundle bundle = bundle("true").withHook("createRuntime", "echo no luck >&2; exit 3");
    assertThatThrownBy(() -> create(bundle))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("hooks.createRuntime[0]: /bin/busybox exited with 3: no luck");
    assertThat(Files.readAllLines(order)).containsExactly("prestart creating", "poststop stopped");
    assertThat(berth.taskDirectories()).isEmpty();
  }

  @Test
  void containerIsFreedWithItsHooksWhereNoShimServes() throws Exception {
    create(bundle("sleep", "100"));
    tasks().start(init, SOON);
    berth.killShim(shim);
    berth.removeTasks();
    assertThat(Files.readAllLines(order)).endsWith("poststart running", "poststop stopped");
  }
}
