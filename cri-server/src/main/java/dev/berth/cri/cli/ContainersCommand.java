package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ContainerState;
import java.time.Instant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code berth ps}. */
@Command(name = "ps", description = "Lists containers that run.")
final class ContainersCommand extends CriCommand {
  @Option(
      names = {"-a", "--all"},
      description = "those that do not run as well")
  private boolean all;

  @Override
  int run(CriClient cri) {
    Table table = new Table("CONTAINER ID", "NAME", "POD", "IMAGE", "STATE", "AGE");
    Lookup lookup = Lookup.of(cri);
    Instant now = Instant.now();
    for (Container container : lookup.containers()) {
      if (all || container.getState() == ContainerState.CONTAINER_RUNNING) {
        table.row(
            Text.shortId(container.getId()),
            container.getMetadata().getName(),
            lookup.podName(container.getPodSandboxId()),
            imageName(container),
            Text.state(container.getState()),
            Text.age(container.getCreatedAt(), now));
      }
    }
    table.print(out());
    return OK;
  }

  /** What the user asked for; the kubelet sends an id in its place. */
  private static String imageName(Container container) {
    String asked = container.getImage().getUserSpecifiedImage();
    return asked.isEmpty() ? container.getImage().getImage() : asked;
  }
}
