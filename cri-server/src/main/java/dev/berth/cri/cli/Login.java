package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.RegistryLogin;
import picocli.CommandLine.Option;

/** The {@code --creds} of commands that talk to registries. */
final class Login {
  @Option(
      names = "--creds",
      paramLabel = "USER:PASSWORD",
      description = "credentials for the registry")
  private String credentials = "";

  RegistryLogin message() {
    if (credentials.isEmpty()) {
      return RegistryLogin.getDefaultInstance();
    }
    int colon = credentials.indexOf(':');
    if (colon < 0) {
      throw new CliException("--creds must be USER:PASSWORD");
    }
    return RegistryLogin.newBuilder()
        .setUsername(credentials.substring(0, colon))
        .setPassword(credentials.substring(colon + 1))
        .build();
  }
}
