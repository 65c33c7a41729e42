package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.sandbox.ContainerUser;
import dev.berth.sandbox.HostileText;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Rule R9 for config.json: arguments, variables and annotations read back as they were given, or
 * the value is refused. No value adds a variable, an argument or a field.
 */
final class GeneratedSpecTest {
  private static final int ROUNDS = 5_000;
  private static final HostFacts HOST = new HostFacts(40, true, false, true, -1000, true);

  private final SpecGenerator generator =
      new SpecGenerator(
          _ -> new Seccomp("SCMP_ACT_ALLOW", null, List.of(), List.of(), null, null, List.of()));
  private int accepted;

  @Test
  void whatIsGivenReadsBackOrIsRefused() {
    for (long seed = 0; seed < ROUNDS; seed++) {
      var text = new HostileText(seed);
      Map<String, String> variables = new LinkedHashMap<>();
      text.several().forEach(name -> variables.put(name, text.next()));
      ContainerConfig container = container(text, variables);
      try {
        RuntimeSpec read = RuntimeSpec.parse(generate(container, text.next()).toJson());
        accepted++;
        assertReadsBack(read, container, variables);
      } catch (BerthException e) {
        assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT);
        assertThat(e.getMessage().chars()).noneMatch(Character::isISOControl);
      }
    }
    assertThat(accepted).isBetween(ROUNDS / 20, ROUNDS - ROUNDS / 20);
  }

  private static ContainerConfig container(HostileText text, Map<String, String> variables) {
    ContainerConfig.Builder container = ContainerConfig.newBuilder().addCommand("/bin/app");
    container.addAllArgs(text.several());
    container.getMetadataBuilder().setName(text.next());
    container.getImageBuilder().setImage(text.next());
    container.putAnnotations(text.next(), text.next());
    variables.forEach((name, value) ->
        container.addEnvsBuilder().setKey(name).setValue(ByteString.copyFromUtf8(value)));
    return container.build();
  }

  private static void assertReadsBack(
      RuntimeSpec read, ContainerConfig container, Map<String, String> variables) {
    assertThat(read.process().args().subList(1, read.process().args().size()))
        .isEqualTo(container.getArgsList());
    Map<String, String> found = new LinkedHashMap<>();
    read.process()
        .env()
        .forEach(one ->
            assertThat(
                    found.put(
                        one.substring(0, one.indexOf('=')), one.substring(one.indexOf('=') + 1)))
                .as(one)
                .isNull());
    assertThat(found).containsAllEntriesOf(variables);
    assertThat(found.keySet())
        .allMatch(name ->
            variables.containsKey(name) || List.of("PATH", "HOSTNAME", "HOME").contains(name));
    assertThat(read.annotations())
        .containsEntry("io.kubernetes.cri.container-name", container.getMetadata().getName())
        .containsEntry("io.kubernetes.cri.image-name", container.getImage().getImage())
        .hasSize(7);
  }

  private RuntimeSpec generate(ContainerConfig container, String home) {
    return generator.generate(
        new SpecInput(
            "sandbox-id",
            "container-id",
            PodSandboxConfig.getDefaultInstance(),
            container,
            new ImageDefaults(List.of(), List.of(), List.of(), "", ""),
            new Users.Resolved(new ContainerUser(0, 0, List.of(0L)), "/" + home),
            new PodResources(
                "web",
                Map.of(),
                IdMappings.NONE,
                Path.of("/run/pod/hosts"),
                Path.of("/run/pod/resolv.conf"),
                Path.of("/run/pod/hostname"),
                Path.of("/run/pod/shm")),
            List.of(),
            List.of(),
            CdiInput.NONE,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            HOST,
            "/kubepods/container-id"));
  }
}
