package dev.berth.e2e;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.Image;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListImagesRequest;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PullImageRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a client does with images, and by which names it finds them. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ImageManagerTest {
  /** Before berthd loses patience with a registry by itself. */
  private static final Duration SOON = Duration.ofSeconds(5);

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private byte[] layer;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    layer = registry.noise(10_000);
  }

  @AfterEach
  void removeImages() {
    list().forEach(image -> pods.removeImage(image.getId()));
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  private List<Image> list() {
    return node.images().listImages(ListImagesRequest.getDefaultInstance()).getImagesList();
  }

  private Optional<Image> find(String reference) {
    var response =
        node.images()
            .imageStatus(
                ImageStatusRequest.newBuilder()
                    .setImage(ImageSpec.newBuilder().setImage(reference))
                    .build());
    return response.hasImage() ? Optional.of(response.getImage()) : Optional.empty();
  }

  private Image get(String reference) {
    return find(reference).orElseThrow();
  }

  @Test
  void imageIsPulledByTagAndRemoved() throws Exception {
    registry.push("tagged", layer);
    String reference = registry.tag("tagged", "v1");
    pods.pull(reference);
    assertThat(get(reference).getRepoTagsList()).containsExactly(reference);
    pods.removeImage(reference);
    assertThat(find(reference)).isEmpty();
  }

  @Test
  void layersStayForTheContainerThatRunsOnThemAndGoWithIt() throws Exception {
    String reference = registry.busybox();
    pods.pull(reference);
    PodSandboxConfig config = pods.config("holder");
    String pod = pods.run(config);
    String id = pods.launch(pod, config, Pods.shell("main", reference, "exec sleep 1000"));
    pods.removeImage(reference);
    assertThat(list()).isEmpty();
    assertThat(pods.exec(id, 10, "echo", "on").getStdout().toStringUtf8()).isEqualTo("on\n");
    Path layers = node.root().resolve("images/layers");
    assertThat(layers).isNotEmptyDirectory();
    pods.remove(pod);
    Await.until(
        "the layers are gone",
        SOON,
        () -> {
          try (Stream<Path> left = Files.list(layers)) {
            return left.findAny().isEmpty();
          }
        });
  }

  @Test
  void aRefusalByThePolicyIsOneThatAKubeletKnows() throws Exception {
    String reference = registry.push("unsigned", layer);
    Path policy = Files.writeString(directory.resolve("policy.toml"), "default = \"reject\"\n");
    Path strict = Files.createDirectory(directory.resolve("strict"));
    try (BerthNode refusing = BerthNode.start(strict, host, "--image-policy=" + policy)) {
      assertThatThrownBy(() -> new Pods(refusing).pull(reference))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNKNOWN);
                assertThat(e.getStatus().getDescription())
                    .startsWith("SignatureValidationFailed: ")
                    .contains(reference);
              });
    }
  }

  @Test
  void aPullEndsWithItsCall() throws Exception {
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      var request =
          PullImageRequest.newBuilder()
              .setImage(
                  ImageSpec.newBuilder()
                      .setImage("127.0.0.1:" + silent.getLocalPort() + "/silent:latest"))
              .build();
      try (Context.CancellableContext call = Context.current().withCancellation();
          ExecutorService caller = Executors.newSingleThreadExecutor()) {
        Future<?> pull = caller.submit(call.wrap(() -> node.images().pullImage(request)));
        try (var _ = silent.accept()) { // asked, and never answered
          Await.until("the pull is under way", SOON, () -> node.operations().size() == 1);
          call.cancel(null);
          assertThatThrownBy(pull::get).hasMessageContaining("CANCELLED");
          Await.until("the pull has ended", SOON, () -> node.operations().isEmpty());
        }
      }
    }
  }

  @Test
  void imageWithoutATagIsTheLatest() throws Exception {
    String latest = registry.push("untagged", layer);
    String reference = latest.substring(0, latest.lastIndexOf(':'));
    pods.pull(reference);
    assertThat(get(reference).getRepoTagsList()).containsExactly(latest);
    pods.removeImage(reference);
    assertThat(find(reference)).isEmpty();
  }

  @Test
  void imageIsPulledByDigestAndRemoved() throws Exception {
    String tag = registry.push("digested", layer);
    pods.pull(tag);
    String reference = get(tag).getRepoDigests(0);
    pods.removeImage(tag);
    pods.pull(reference);
    assertThat(get(reference).getRepoTagsList()).isEmpty();
    assertThat(get(reference).getRepoDigestsList()).containsExactly(reference);
    pods.removeImage(reference);
    assertThat(find(reference)).isEmpty();
  }

  @Test
  void pullObeysItsDeadline() throws Exception {
    String reference = registry.push("slow", registry.noise(5_000_000));
    PullImageRequest request =
        PullImageRequest.newBuilder().setImage(ImageSpec.newBuilder().setImage(reference)).build();
    assertThatThrownBy(() -> node.images().withDeadlineAfter(1, MILLISECONDS).pullImage(request))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
  }

  @Test
  void everyKindOfReferenceFindsTheSame() throws Exception {
    String reference = registry.push("found", layer);
    pods.pull(reference);
    Image image = get(reference);
    List<String> names = new ArrayList<>(image.getRepoTagsList());
    names.addAll(image.getRepoDigestsList());
    names.add(image.getId());
    names.add(image.getId().replace("sha256:", ""));
    assertThat(names).hasSizeGreaterThanOrEqualTo(4);
    for (String name : names) {
      assertThat(get(name)).as(name).isEqualTo(image);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "numeric, 1002, 1002, ''",
    "named, www-data, '', www-data",
    "numeric-group, 1003:users, 1003, ''",
    "named-group, www-data:100, '', www-data",
    "unset, '', '', ''"
  })
  void userOfAnImageIsToldAsItIs(String name, String user, String uid, String username)
      throws Exception {
    String reference = registry.push(name, layer, Map.of("User", user));
    pods.pull(reference);
    Image image = get(reference);
    assertThat(image.hasUid() ? Long.toString(image.getUid().getValue()) : "").isEqualTo(uid);
    assertThat(image.getUsername()).isEqualTo(username);
  }

  @Test
  void imagesWithATagEachAreListedApart() throws Exception {
    for (int i = 0; i < 3; i++) {
      String name = "apart-" + i;
      registry.push(name, registry.noise(1_000 + i));
      pods.pull(registry.tag(name, "v" + i));
    }
    assertThat(list()).hasSize(3).allMatch(image -> image.getRepoTagsCount() == 1);
  }

  @Test
  void imageWithThreeTagsIsListedOnce() throws Exception {
    List<String> tags = pullThreeTags();
    assertThat(list()).hasSize(1);
    assertThat(list().getFirst().getRepoTagsList()).containsExactlyInAnyOrderElementsOf(tags);
  }

  @Test
  void imageIsRemovedWithAllItsTags() throws Exception {
    List<String> tags = pullThreeTags();
    String id = list().getFirst().getId();
    pods.removeImage(tags.getFirst());
    for (String tag : tags) {
      assertThat(find(tag)).isEmpty();
    }
    assertThat(find(id)).isEmpty();
  }

  private List<String> pullThreeTags() throws Exception {
    registry.push("tags", layer);
    List<String> tags = new ArrayList<>();
    for (String tag : List.of("one", "two", "three")) {
      tags.add(registry.tag("tags", tag));
      pods.pull(tags.getLast());
    }
    return tags;
  }

  @Test
  void imageIsRemovedWithItsTagsOfOtherRegistries() throws Exception {
    try (var other = new TestRegistry(directory.resolve("other"))) {
      String here = registry.push("both", layer);
      String there = other.push("both", layer);
      pods.pull(here);
      pods.pull(there);
      assertThat(get(here).getRepoTagsList()).containsExactlyInAnyOrder(here, there);
      String id = get(here).getId();
      pods.removeImage(there);
      assertThat(find(here)).isEmpty();
      assertThat(find(there)).isEmpty();
      assertThat(find(id)).isEmpty();
    }
  }

  @Test
  void identifierIsTheSameInEveryAnswer() throws Exception {
    String reference = registry.busybox();
    String pulled = pods.pull(reference);
    assertThat(get(reference).getId()).isEqualTo(pulled);
    assertThat(list()).extracting(Image::getId).containsExactly(pulled);
    PodSandboxConfig config = pods.config("identity");
    String pod = pods.run(config);
    ContainerConfig container =
        Pods.shell("main", pulled, "exec sleep 1000").toBuilder()
            .setImage(ImageSpec.newBuilder().setImage(pulled).setUserSpecifiedImage(reference))
            .build();
    String id = pods.launch(pod, config, container);
    assertThat(pods.status(id).getImageId()).isEqualTo(pulled);
    assertThat(pods.status(id).getImage().getImage()).isEqualTo(reference);
    assertThat(
            node.runtime()
                .listContainers(ListContainersRequest.getDefaultInstance())
                .getContainers(0)
                .getImageId())
        .isEqualTo(pulled);
    pods.remove(pod);
  }

  @Test
  void identifierIsTheSameFromAnotherRegistry() throws Exception {
    try (var other = new TestRegistry(directory.resolve("another"))) {
      assertThat(pods.pull(registry.push("same", layer)))
          .isEqualTo(pods.pull(other.push("same", layer)));
    }
  }

  @Test
  void pulledImageIsThereAtOnce() throws Exception {
    String reference = registry.push("at-once", layer);
    for (int round = 0; round < 5; round++) {
      String id = pods.pull(reference);
      assertThat(list()).extracting(Image::getId).containsExactly(id);
      assertThat(find(reference)).isPresent();
      pods.removeImage(reference);
    }
  }

  @Test
  void removedImageIsGoneAtOnce() throws Exception {
    String reference = registry.push("gone", layer);
    for (int round = 0; round < 5; round++) {
      String id = pods.pull(reference);
      pods.removeImage(id);
      assertThat(list()).isEmpty();
      assertThat(find(id)).isEmpty();
    }
  }

  @Test
  void simultaneousRemovalsAllSucceed() throws Exception {
    String id = pods.pull(registry.push("contended", layer));
    try (ExecutorService callers = Executors.newFixedThreadPool(8)) {
      List<Future<?>> calls = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        calls.add(callers.submit(() -> pods.removeImage(id)));
      }
      for (Future<?> call : calls) {
        call.get();
      }
    }
    assertThat(find(id)).isEmpty();
  }
}
