package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.SecurityProfile;
import dev.berth.proto.cri.v1.SecurityProfile.ProfileType;
import dev.berth.testing.RequiresRoot;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** AppArmor profiles of the node, by the field of today and by the deprecated one. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AppArmorTest {
  private static final Path ENABLED = Path.of("/sys/module/apparmor/parameters/enabled");
  private static final String BLOCKING = "berth-e2e-no-writes";
  private static final String COMPLAINING = "berth-e2e-complains";
  private static final String RULES =
      """
      profile %s flags=(%s) {
        file,
        network,
        capability,
        signal,
        unix,
        deny /** w,
      }
      """;

  @TempDir private static Path directory;
  private PodNode started;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;
  private Path profiles;

  /** Where a profile is named. */
  enum Field {
    APPARMOR {
      @Override
      void set(LinuxContainerSecurityContext.Builder security, String profile) {
        security.setApparmor(
            SecurityProfile.newBuilder()
                .setProfileType(ProfileType.Localhost)
                .setLocalhostRef(profile));
      }
    },
    DEPRECATED {
      @Override
      @SuppressWarnings("deprecation") // what older kubelets send
      void set(LinuxContainerSecurityContext.Builder security, String profile) {
        security.setApparmorProfile("localhost/" + profile);
      }
    };

    abstract void set(LinuxContainerSecurityContext.Builder security, String profile);
  }

  @BeforeAll
  void start() throws Exception {
    assumeTrue(
        Files.exists(ENABLED) && Files.readString(ENABLED).startsWith("Y"),
        "AppArmor is not enabled on this machine");
    profiles = directory.resolve("profiles");
    Files.writeString(
        profiles,
        RULES.formatted(BLOCKING, "attach_disconnected,mediate_deleted")
            + RULES.formatted(COMPLAINING, "complain"));
    Command.output("apparmor_parser", "--replace", profiles.toString());
    started = PodNode.start(directory);
    pods = started.pods();
    config = pods.config("confined");
    pod = pods.run(config);
  }

  @AfterAll
  void stop() throws IOException {
    if (started != null) {
      started.close();
      Command.output("apparmor_parser", "--remove", profiles.toString());
    }
  }

  private ContainerConfig with(Field field, String profile) {
    ContainerConfig.Builder container =
        Pods.shell("main", started.image(), "touch /new").toBuilder();
    field.set(container.getLinuxBuilder().getSecurityContextBuilder(), profile);
    return container.build();
  }

  @ParameterizedTest
  @EnumSource(Field.class)
  void profileBlocksWrites(Field field) throws IOException {
    assertThat(pods.runToEnd(pod, config, with(field, BLOCKING)).exitCode()).isNotZero();
  }

  @ParameterizedTest
  @EnumSource(Field.class)
  void profileThatComplainsBlocksNothing(Field field) throws IOException {
    assertThat(pods.runToEnd(pod, config, with(field, COMPLAINING)).exitCode()).isZero();
  }

  @ParameterizedTest
  @EnumSource(Field.class)
  void profileThatIsNotLoadedIsRefused(Field field) {
    assertThatThrownBy(() -> pods.create(pod, config, with(field, "berth-e2e-absent")))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("berth-e2e-absent");
  }

  @Test
  void fieldOfTodayGoesFirst() throws IOException {
    ContainerConfig.Builder container = with(Field.APPARMOR, BLOCKING).toBuilder();
    Field.DEPRECATED.set(container.getLinuxBuilder().getSecurityContextBuilder(), COMPLAINING);
    assertThat(pods.runToEnd(pod, config, container.build()).exitCode()).isNotZero();
  }
}
