package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.PushImageRequest;
import dev.berth.proto.berth.v1.PushImageResponse;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code berth push}. */
@Command(name = "push", description = "Pushes an image, layers as they came.")
final class PushCommand extends CriCommand {
  @Parameters(index = "0", paramLabel = "IMAGE", description = "name or id")
  private String image = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "TARGET",
      description = "such as registry.example/app:1.2 (default: IMAGE)")
  private String target = "";

  @Mixin private Login login = new Login();

  @Override
  int run(CriClient cri) {
    var request =
        PushImageRequest.newBuilder()
            .setImage(image)
            .setTarget(target)
            .setLogin(login.message())
            .build();
    PushImageResponse pushed;
    try (var _ = PullDisplay.start(cri, target.isEmpty() ? image : target, out(), err())) {
      pushed = cri.store().pushImage(request);
    }
    if (Terminal.onStdout()) {
      out().println(pushed.getTarget() + ": " + Text.bytes(pushed.getSentBytes()) + " sent");
    } else {
      Json.line(out(), Map.of("pushed", pushed.getTarget(), "sent", pushed.getSentBytes()));
    }
    return OK;
  }
}
