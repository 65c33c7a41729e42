package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.IntelRdt;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Groups of resctrl in a plain directory tree: no machine at hand has a processor with it. So what
 * these tests show is which files are written with what, not that a kernel takes it. A kernel fills
 * a new group with files that do not keep it from being removed; here {@link #empty} takes them
 * away.
 */
class ResourceGroupTest {
  @TempDir Path directory;
  private Path root;
  private TaskDirectory task;

  @BeforeEach
  void makeTree() throws IOException {
    root = Files.createDirectory(directory.resolve("resctrl"));
    Files.createDirectories(root.resolve("mon_groups"));
    Files.createDirectories(root.resolve("info"));
    Files.writeString(root.resolve("schemata"), "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n");
    Files.writeString(root.resolve("tasks"), "1\n");
    task = new TaskDirectory(Files.createDirectory(directory.resolve("c")));
  }

  private ResourceGroup group(IntelRdt wanted) {
    return new ResourceGroup(root, wanted, "c");
  }

  private static IntelRdt rdt(@Nullable String closId, String... schemata) {
    return new IntelRdt(closId, List.of(schemata), null, null, false);
  }

  private static void empty(Path group) throws IOException {
    Files.deleteIfExists(group.resolve("tasks"));
    Files.deleteIfExists(group.resolve("schemata"));
  }

  @Test
  void groupOfTheContainersIdIsMadeFilledAndRemoved() throws IOException {
    IntelRdt wanted =
        new IntelRdt(null, List.of("L2:0=f"), "L3:0=7f0;1=1f\nMB:0=1", "MB:0=20;1=70", false);
    ResourceGroup group = group(wanted);
    group.create(task);
    group.add(4711);
    group.add(4712);
    assertThat(root.resolve("c/schemata")).hasContent("L3:0=7f0;1=1f\nMB:0=20;1=70\nL2:0=f\n");
    assertThat(root.resolve("c/tasks")).hasContent("4711\n4712\n");
    empty(root.resolve("c"));
    ResourceGroup.remove(task);
    ResourceGroup.remove(task);
    assertThat(root.resolve("c")).doesNotExist();
  }

  @Test
  void groupWithoutSchemataIsNotWrittenTo() {
    group(rdt(null)).create(task);
    assertThat(root.resolve("c")).isEmptyDirectory();
  }

  @Test
  void groupThatIsThereIsUsedAndLeft() throws IOException {
    Path gold = Files.createDirectory(root.resolve("gold"));
    Files.writeString(gold.resolve("schemata"), "    L3:0=00f;1=0f0\n    MB:0= 50;1=100\n");
    ResourceGroup group = group(rdt("gold", "L3:0=F;1=f0", "MB:0=50"));
    group.create(task);
    group.add(4711);
    assertThat(gold.resolve("tasks")).hasContent("4711\n");
    ResourceGroup.remove(task);
    assertThat(gold).isDirectory();
    assertThat(gold.resolve("schemata")).content().contains("00f");
  }

  @Test
  void groupThatIsThereWithOtherSchemataIsRefused() throws IOException {
    Path gold = Files.createDirectory(root.resolve("gold"));
    Files.writeString(gold.resolve("schemata"), "    L3:0=00f;1=00f\n");
    assertThatThrownBy(() -> group(rdt("gold", "L3:0=ff")).create(task))
        .hasMessage(
            "linux.intelRdt.closID: " + gold + " exists and has other schemata: L3:0=00f;1=00f");
    ResourceGroup.remove(task);
    assertThat(gold).isDirectory();
  }

  @Test
  void groupIsNotMadeWithoutSchemataUnderANameThatIsGiven() {
    assertThatThrownBy(() -> group(rdt("gold")).create(task))
        .hasMessage(
            "linux.intelRdt.closID: no group "
                + root.resolve("gold")
                + ", and no schemata to make it with");
    assertThat(root.resolve("gold")).doesNotExist();
  }

  @Test
  void groupOfTheContainersIdThatIsThereIsNotItsOwn() throws IOException {
    Files.createDirectory(root.resolve("c"));
    assertThatThrownBy(() -> group(rdt(null, "L3:0=f")).create(task))
        .hasMessageContaining("linux.intelRdt: there is a group of the container's id");
    ResourceGroup.remove(task);
    assertThat(root.resolve("c")).isDirectory();
  }

  @Test
  void groupThatOthersHaveJoinedStaysWhenItsMakerGoes() throws IOException {
    group(rdt("gold", "L3:0=f")).create(task);
    Files.writeString(root.resolve("gold/tasks"), "4713\n");
    ResourceGroup.remove(task);
    assertThat(root.resolve("gold")).isDirectory();
  }

  @Test
  void slashIsTheDefaultGroupAndMonitoringHasAGroupOfItsOwn() throws IOException {
    ResourceGroup group = group(new IntelRdt("/", List.of(), null, null, true));
    group.create(task);
    group.add(4711);
    assertThat(root.resolve("tasks")).hasContent("1\n4711\n");
    assertThat(root.resolve("mon_groups/c/tasks")).hasContent("4711\n");
    empty(root.resolve("mon_groups/c"));
    ResourceGroup.remove(task);
    assertThat(root.resolve("mon_groups")).isEmptyDirectory();
    assertThat(root.resolve("tasks")).exists();
  }

  @Test
  void monitoringGroupOfOthersIsRefusedAndLeft() throws IOException {
    Files.createDirectory(root.resolve("mon_groups/c"));
    assertThatThrownBy(() -> group(new IntelRdt("/", List.of(), null, null, true)).create(task))
        .hasMessageStartingWith("linux.intelRdt.enableMonitoring: ");
    ResourceGroup.remove(task);
    assertThat(root.resolve("mon_groups/c")).isDirectory();
  }

  @Test
  void kernelsOwnWordsAreInTheError() throws IOException {
    Files.writeString(root.resolve("info/last_cmd_status"), "Failed to parse\n");
    Files.delete(root.resolve("mon_groups"));
    assertThatThrownBy(() -> group(new IntelRdt("/", List.of(), null, null, true)).create(task))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("linux.intelRdt: cannot make its group: ")
        .hasMessageEndingWith(", Failed to parse");
  }

  @Test
  @RequiresRoot
  void containerAndExecAreInTheGroupWhichGoesAfterARestart() throws IOException {
    try (TaskFixture fixture = new TaskFixture()) {
      Linux linux = BusyboxBundle.linux().intelRdt(rdt(null, "L3:0=f")).build();
      RuntimeSpec spec = fixture.spec("exec sleep 1000").linux(linux).build();
      Task created = tasks(fixture).create(taskSpec(fixture, spec));
      created.start();
      created.close();
      Task found = tasks(fixture).adopt("c");
      TaskProcess exec =
          found.exec(
              new ExecSpec("e", BusyboxBundle.process("true").build(), new TaskIo.Log(null)));
      found.startExec(exec);
      assertThat(root.resolve("c/tasks")).hasContent(found.pid() + "\n" + exec.pid() + "\n");
      assertThat(root.resolve("c/schemata")).hasContent("L3:0=f\n");
      exec.await(TaskFixture.LIMIT);
      found.kill(9, true);
      found.await(TaskFixture.LIMIT);
      empty(root.resolve("c"));
      found.delete();
      assertThat(root.resolve("c")).doesNotExist();
    }
  }

  @Test
  @RequiresRoot
  void groupGoesWithACreateThatFails() throws IOException {
    try (TaskFixture fixture = new TaskFixture()) {
      Linux linux = BusyboxBundle.linux().intelRdt(rdt(null)).rootfsPropagation("x").build();
      RuntimeSpec spec = fixture.spec("true").linux(linux).build();
      assertThatThrownBy(() -> tasks(fixture).create(taskSpec(fixture, spec)));
      assertThat(root.resolve("c")).doesNotExist();
    }
  }

  @Test
  @RequiresRoot
  void hostWithoutResctrlIsSaid() throws IOException {
    try (TaskFixture fixture = new TaskFixture()) {
      Tasks tasks =
          new Tasks(
              fixture.base.resolve("state"),
              fixture.program(),
              TaskFixture.CGROUPS,
              0,
              Optional::empty);
      Linux linux = BusyboxBundle.linux().intelRdt(rdt(null)).build();
      RuntimeSpec spec = fixture.spec("true").linux(linux).build();
      assertThatThrownBy(() -> tasks.create(taskSpec(fixture, spec)))
          .hasMessage("linux.intelRdt: the resctrl file system is not mounted");
      assertThat(fixture.base.resolve("state/c")).doesNotExist();
    }
  }

  private Tasks tasks(TaskFixture fixture) {
    return new Tasks(
        fixture.base.resolve("state"),
        fixture.program(),
        TaskFixture.CGROUPS,
        0,
        () -> Optional.of(root));
  }

  private static TaskSpec taskSpec(TaskFixture fixture, RuntimeSpec spec) {
    return new TaskSpec(
        "c",
        fixture.base,
        spec,
        new Rootfs.Directory(fixture.rootfs.toString()),
        new TaskIo.Log(fixture.log()));
  }
}
