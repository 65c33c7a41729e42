package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.RegistryLogin;
import dev.berth.proto.cri.v1.AuthConfig;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.PullImageRequest;
import java.io.PrintWriter;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code berth pull}. */
@Command(
    name = "pull",
    description = "Pulls an image; into a pipe, tells how far it is in lines of JSON.")
final class PullCommand extends CriCommand {
  @Parameters(paramLabel = "IMAGE", description = "such as registry.example/app:1.2")
  private String image = "";

  @Mixin private Login login = new Login();

  @Override
  int run(CriClient cri) {
    var request =
        PullImageRequest.newBuilder().setImage(ImageSpec.newBuilder().setImage(image)).build();
    RegistryLogin credentials = login.message();
    if (!credentials.getUsername().isEmpty()) {
      request = request.toBuilder().setAuth(auth(credentials)).build();
    }
    String id;
    try (var _ = PullDisplay.start(cri, image, out(), err())) {
      id = cri.pulls().pullImage(request).getImageRef();
    }
    if (Terminal.onStdout()) {
      out().println(id);
    } else {
      Json.line(out(), Map.of("id", id));
    }
    return OK;
  }

  /** Pulls and returns the image's id, with a sign of life on a terminal. */
  static String pull(CriClient cri, PullImageRequest request, PrintWriter err) {
    try (var _ = PullDisplay.start(cri, request.getImage().getImage(), err)) {
      return cri.pulls().pullImage(request).getImageRef();
    }
  }

  private static AuthConfig auth(RegistryLogin login) {
    return AuthConfig.newBuilder()
        .setUsername(login.getUsername())
        .setPassword(login.getPassword())
        .build();
  }
}
