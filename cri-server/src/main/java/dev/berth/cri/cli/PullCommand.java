package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.AuthConfig;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.PullImageRequest;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth pull}. */
@Command(name = "pull", description = "Pulls an image from its registry.")
final class PullCommand extends CriCommand {
  @Parameters(paramLabel = "IMAGE", description = "such as registry.example/app:1.2")
  private String image = "";

  @Option(
      names = "--creds",
      paramLabel = "USER:PASSWORD",
      description = "credentials for the registry")
  private String credentials = "";

  @Override
  int run(CriClient cri) {
    var request =
        PullImageRequest.newBuilder().setImage(ImageSpec.newBuilder().setImage(image)).build();
    if (!credentials.isEmpty()) {
      request = request.toBuilder().setAuth(auth(credentials)).build();
    }
    out().println(pull(cri, request, err()));
    return OK;
  }

  /** Pulls and returns the image's id, with a sign of life on a terminal. */
  static String pull(CriClient cri, PullImageRequest request, PrintWriter err) {
    try (var _ = PullDisplay.start(cri, request.getImage().getImage(), err)) {
      return cri.pulls().pullImage(request).getImageRef();
    }
  }

  private static AuthConfig auth(String credentials) {
    int colon = credentials.indexOf(':');
    if (colon < 0) {
      throw new CliException("--creds must be USER:PASSWORD");
    }
    return AuthConfig.newBuilder()
        .setUsername(credentials.substring(0, colon))
        .setPassword(credentials.substring(colon + 1))
        .build();
  }
}
