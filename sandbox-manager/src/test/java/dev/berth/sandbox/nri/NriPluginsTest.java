package dev.berth.sandbox.nri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.ContainerEviction;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.CreateContainerResponse;
import dev.berth.proto.nri.Event;
import dev.berth.proto.nri.Field;
import dev.berth.proto.nri.KeyValue;
import dev.berth.proto.nri.OptionalUInt64;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.proto.nri.SynchronizeRequest;
import dev.berth.proto.nri.SynchronizeResponse;
import dev.berth.proto.nri.UpdateContainerResponse;
import dev.berth.proto.nri.ValidateContainerAdjustmentRequest;
import dev.berth.proto.nri.ValidateContainerAdjustmentResponse;
import dev.berth.sandbox.nri.NriPlugins.Notice;
import dev.berth.testing.Await;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Plugins on a real socket, of a runtime that has no pods of its own. */
class NriPluginsTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final PodSandbox POD = PodSandbox.newBuilder().setId("pod").build();
  private static final Container CONTAINER =
      Container.newBuilder().setId("new").setPodSandboxId("pod").addEnv("A=1").build();

  @TempDir private Path directory;
  private final List<AutoCloseable> opened = new ArrayList<>();
  private final List<ContainerUpdate> updates = new CopyOnWriteArrayList<>();
  private final List<ContainerEviction> evictions = new CopyOnWriteArrayList<>();
  private final List<PodSandbox> pods = new CopyOnWriteArrayList<>();
  private Path socket;
  private NriPlugins plugins;

  @BeforeEach
  void listen() {
    socket = directory.resolve("nri/nri.sock");
    plugins = open(settings(SOON, SOON));
  }

  private NriSettings settings(Duration registration, Duration request) {
    return new NriSettings(socket, false, "1.2.3", registration, request);
  }

  private NriPlugins open(NriSettings settings) {
    return opened(NriPlugins.open(settings, new TestRuntime()).orElseThrow());
  }

  private NriPlugins reopen(Duration registration, Duration request) {
    plugins.close();
    plugins = open(settings(registration, request));
    return plugins;
  }

  private <T extends AutoCloseable> T opened(T resource) {
    opened.add(resource);
    return resource;
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable resource : opened.reversed()) {
      resource.close();
    }
  }

  private TestPlugin join(String index, String name) throws IOException {
    TestPlugin plugin = opened(TestPlugin.join(socket, index, name));
    Await.until("the plugin is asked", SOON, () -> isAsked(plugin));
    return plugin;
  }

  /** A plugin is shown what there is a moment before it is listed. */
  private boolean isAsked(TestPlugin plugin) {
    plugins.inform(Notice.POST_UPDATE_POD_SANDBOX, POD, null);
    return !plugin.told().isEmpty();
  }

  private final class TestRuntime implements NriRuntime {
    @Override
    public void awaitRecovered(Duration limit) {}

    @Override
    public State state() {
      return new State(pods, List.of(CONTAINER));
    }

    @Override
    public List<ContainerUpdate> update(List<ContainerUpdate> wanted) {
      updates.addAll(wanted);
      return wanted.stream().filter(one -> one.getContainerId().equals("broken")).toList();
    }

    @Override
    public void evict(List<ContainerEviction> wanted) {
      evictions.addAll(wanted);
    }
  }

  @Test
  void socketIsForRootOnly() throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())))
        .isEqualTo("rwx------");
  }

  @Test
  void socketOfAnotherRuntimeIsLeftAlone() {
    assertThatThrownBy(() -> NriPlugins.open(settings(SOON, SOON), new TestRuntime()))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("another process listens there");
    assertThat(NriPlugins.open(new NriSettings(socket, true, "", SOON, SOON), new TestRuntime()))
        .isEmpty();
    assertThat(socket).exists();
  }

  @Test
  void socketOfADeadRuntimeIsReplaced() throws Exception {
    plugins.close();
    try (var dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(socket));
    }
    assertThat(socket).exists();

    plugins = open(settings(SOON, SOON));
    join("10", "after");
  }

  @Test
  void pluginIsToldWhoAsksAndShownWhatThereIs() throws IOException {
    pods.add(POD);
    TestPlugin plugin = join("10", "first");

    assertThat(plugin.configuration().getRuntimeName()).isEqualTo("berth");
    assertThat(plugin.configuration().getRuntimeVersion()).isEqualTo("1.2.3");
    assertThat(plugin.configuration().getRequestTimeout()).isEqualTo(SOON.toMillis());
    assertThat(plugin.shown())
        .containsExactly(
            SynchronizeRequest.newBuilder().addPods(POD).addContainers(CONTAINER).build());
    assertThat(plugins.isEmpty()).isFalse();
  }

  @Test
  void muchIsShownInSeveralParts() throws IOException {
    String filler = "x".repeat(200_000);
    IntStream.range(0, 50)
        .forEach(number ->
            pods.add(PodSandbox.newBuilder().setId("p" + number).setName(filler).build()));
    TestPlugin plugin = join("10", "first");

    assertThat(plugin.shown()).hasSizeGreaterThan(2);
    assertThat(plugin.shown().stream().mapToInt(SynchronizeRequest::getPodsCount).sum())
        .isEqualTo(50);
    assertThat(plugin.shown().getLast().getMore()).isFalse();
    assertThat(plugin.shown().getLast().getContainersList()).containsExactly(CONTAINER);
  }

  @ParameterizedTest
  @CsvSource({"1,name", "100,name", "ab,name", "10,na/me", "10,''"})
  void pluginWithABadNameIsRefused(String index, String name) throws IOException {
    TestPlugin plugin = opened(TestPlugin.connect(socket));

    assertThatThrownBy(() -> plugin.register(index, name))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("is not valid");
    Await.until("it is disconnected", SOON, plugin::isDisconnected);
  }

  @Test
  void pluginThatDoesNotRegisterIsDisconnected() throws IOException {
    reopen(SHORT, SOON);
    TestPlugin plugin = opened(TestPlugin.connect(socket));

    Await.until("it is disconnected", SOON, plugin::isDisconnected);
    assertThat(plugins.isEmpty()).isTrue();
  }

  @Test
  void pluginsAreToldInTheOrderOfTheirIndexes() throws IOException {
    List<String> order = new CopyOnWriteArrayList<>();
    Map<String, TestPlugin> joined = new LinkedHashMap<>();
    for (String index : List.of("50", "00", "99")) {
      joined.put(index, join(index, "p"));
    }
    joined.forEach((index, plugin) -> plugin.onNotice = _ -> order.add(index));

    plugins.tell(Notice.RUN_POD_SANDBOX, POD, null);

    assertThat(order).containsExactly("00", "50", "99");
  }

  @Test
  void oldPluginIsToldByStateChange() throws IOException {
    TestPlugin plugin = opened(TestPlugin.connectOld(socket).join("10", "old"));
    Await.until("the plugin is asked", SOON, () -> isAsked(plugin));

    plugins.tell(Notice.START_CONTAINER, POD, CONTAINER);
    plugins.tell(Notice.START_CONTAINER, POD, CONTAINER);

    assertThat(plugin.toldOf("new"))
        .containsExactly("StateChange START_CONTAINER", "StateChange START_CONTAINER");
  }

  @Test
  void pluginIsToldOnlyWhatItAskedFor() throws IOException {
    TestPlugin plugin = opened(TestPlugin.connect(socket));
    plugin.events =
        1 << (Event.START_CONTAINER_VALUE - 1) | 1 << (Event.POST_UPDATE_POD_SANDBOX_VALUE - 1);
    plugin.join("10", "few");
    Await.until("the plugin is asked", SOON, () -> isAsked(plugin));

    plugins.tell(Notice.START_CONTAINER, POD, CONTAINER);
    plugins.tell(Notice.REMOVE_CONTAINER, POD, CONTAINER);

    assertThat(plugin.toldOf("new")).containsExactly("StartContainer");
  }

  @Test
  void objectionIsPassedOnAndEndsTheRound() throws IOException {
    TestPlugin first = join("10", "first");
    TestPlugin second = join("20", "second");
    first.onNotice =
        _ -> {
          throw TestPlugin.refusal("no room");
        };

    assertThatThrownBy(() -> plugins.tell(Notice.START_CONTAINER, POD, CONTAINER))
        .hasMessage("nri plugin 10-first: no room");
    assertThat(second.toldOf("new")).isEmpty();

    plugins.inform(Notice.REMOVE_CONTAINER, POD, CONTAINER);
    assertThat(second.toldOf("new")).containsExactly("RemoveContainer");
    assertThat(first.isDisconnected()).isFalse();
  }

  @Test
  void frozenPluginCostsOneTimeoutAndIsDisconnected() throws Exception {
    reopen(SOON, SHORT);
    TestPlugin frozen = join("10", "frozen");
    TestPlugin lively = join("20", "lively");
    CountDownLatch thaw = new CountDownLatch(1);
    frozen.onNotice = _ -> await(thaw);

    plugins.tell(Notice.RUN_POD_SANDBOX, POD, null);
    plugins.tell(Notice.STOP_POD_SANDBOX, POD, null);

    thaw.countDown();
    assertThat(lively.toldOfPod("pod")).contains("RunPodSandbox", "StopPodSandbox");
    assertThat(frozen.toldOfPod("pod")).contains("RunPodSandbox").doesNotContain("StopPodSandbox");
    Await.until("it is disconnected", SOON, frozen::isDisconnected);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void pluginThatVanishesWhileItIsAskedIsDoneWithout() throws IOException {
    TestPlugin vanishing = join("10", "vanishing");
    TestPlugin other = join("20", "other");
    vanishing.onNotice = _ -> vanishing.close();

    plugins.tell(Notice.RUN_POD_SANDBOX, POD, null);

    assertThat(other.toldOfPod("pod")).contains("RunPodSandbox");
  }

  @Test
  void whatIsAddedWhileAPluginJoinsReachesItAfterwards() throws Exception {
    TestPlugin slow = opened(TestPlugin.connect(socket));
    CountDownLatch shown = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    slow.onSynchronize =
        _ -> {
          shown.countDown();
          await(release);
          return SynchronizeResponse.getDefaultInstance();
        };
    slow.register("10", "slow");
    await(shown);

    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    Thread adding =
        Thread.ofVirtual()
            .start(() -> {
              try (var _ = plugins.hold(SOON)) {
                plugins.tell(Notice.RUN_POD_SANDBOX, POD, null);
              } catch (RuntimeException e) {
                failure.set(e);
              }
            });
    Await.until(
        "the other waits",
        SOON,
        () -> adding.getState() == Thread.State.TIMED_WAITING && slow.told().isEmpty());
    release.countDown();

    assertThat(adding.join(SOON)).isTrue();
    assertThat(failure.get()).isNull();
    assertThat(slow.toldOfPod("pod")).containsExactly("RunPodSandbox");
  }

  private static CreateContainerResponse env(String key, String value) {
    return CreateContainerResponse.newBuilder()
        .setAdjust(
            ContainerAdjustment.newBuilder()
                .addEnv(KeyValue.newBuilder().setKey(key).setValue(value)))
        .build();
  }

  @Test
  void laterPluginSeesWhatEarlierOnesWant() throws IOException {
    TestPlugin first = join("10", "first");
    TestPlugin second = join("20", "second");
    first.onCreate = _ -> env("B", "2");

    NriPlugins.Creation creation = plugins.createContainer(POD, CONTAINER);

    assertThat(creation.adjustment().getEnvList())
        .containsExactly(KeyValue.newBuilder().setKey("B").setValue("2").build());
    assertThat(second.told().getLast().container().getEnvList()).containsExactly("A=1", "B=2");
  }

  @Test
  void twoPluginsThatSetTheSameAreNamed() throws IOException {
    join("10", "first").onCreate = _ -> env("B", "2");
    join("20", "second").onCreate = _ -> env("B", "3");

    assertThatThrownBy(() -> plugins.createContainer(POD, CONTAINER))
        .isInstanceOf(BerthException.class)
        .hasMessage("nri plugins 10-first and 20-second both set Env B of container new");
  }

  @Test
  void pluginThatChecksSeesWhoWantsWhatAndCanRejectIt() throws IOException {
    join("10", "first").onCreate = _ -> env("B", "2");
    TestPlugin checking = opened(TestPlugin.connect(socket));
    checking.events =
        1 << (Event.VALIDATE_CONTAINER_ADJUSTMENT_VALUE - 1)
            | 1 << (Event.POST_UPDATE_POD_SANDBOX_VALUE - 1);
    checking.join("20", "checking");
    Await.until("the plugin is asked", SOON, () -> isAsked(checking));
    AtomicReference<@Nullable ValidateContainerAdjustmentRequest> seen = new AtomicReference<>();
    checking.onValidate =
        request -> {
          seen.set(request);
          return ValidateContainerAdjustmentResponse.newBuilder()
              .setReject(true)
              .setReason("no B here")
              .build();
        };

    assertThatThrownBy(() -> plugins.createContainer(POD, CONTAINER))
        .hasMessage("nri plugin 20-checking rejects the adjustment: no B here");
    assertThat(seen.get().getContainer()).isEqualTo(CONTAINER);
    assertThat(seen.get().getAdjust().getEnvCount()).isEqualTo(1);
    assertThat(seen.get().getPluginsList()).extracting("name").containsExactly("first", "checking");
    assertThat(
            seen.get()
                .getOwners()
                .getOwnersOrThrow("new")
                .getCompoundOrThrow(Field.Env.getNumber())
                .getOwnersMap())
        .containsEntry("B", "10-first");
  }

  @Test
  void updateIsChangedByPluginsAndReachesOtherContainers() throws IOException {
    TestPlugin plugin = join("10", "first");
    plugin.onUpdate =
        request ->
            UpdateContainerResponse.newBuilder()
                .addUpdate(shares(request.getContainer().getId(), 7))
                .addUpdate(shares("other", 8))
                .addEvict(ContainerEviction.newBuilder().setContainerId("third"))
                .build();

    NriPlugins.Update update =
        plugins.updateContainer(POD, CONTAINER, shares("new", 5).getLinux().getResources());

    assertThat(update.limits().getCpu().getShares().getValue()).isEqualTo(7);
    assertThat(update.updates()).containsExactly(shares("other", 8));
    assertThat(update.evictions()).hasSize(1);
  }

  private static ContainerUpdate shares(String id, long shares) {
    var update = ContainerUpdate.newBuilder().setContainerId(id);
    update
        .getLinuxBuilder()
        .getResourcesBuilder()
        .getCpuBuilder()
        .setShares(OptionalUInt64.newBuilder().setValue(shares));
    return update.build();
  }

  @Test
  void pluginAsksForUpdatesByItselfAndHearsWhichFailed() throws IOException {
    TestPlugin plugin = join("10", "first");

    var answer = plugin.update(shares("good", 3), shares("broken", 4));

    assertThat(updates).containsExactly(shares("good", 3), shares("broken", 4));
    assertThat(answer.getFailedList()).containsExactly(shares("broken", 4));
  }
}
