package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.ExplainRegistryRequest;
import dev.berth.proto.berth.v1.Host;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code berth registry explain}. */
@Command(
    name = "explain",
    description =
        "Tells how an image's registry is reached: each host in order, TLS, credentials, and what"
            + " it answers to a HEAD.")
final class ExplainCommand implements Callable<Integer> {
  @Parameters(paramLabel = "IMAGE", description = "such as registry.example/app:1.2")
  private String image = "";

  @Mixin private Login login = new Login();
  @ParentCommand private RegistryCommand parent = new RegistryCommand();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    var request =
        ExplainRegistryRequest.newBuilder().setImage(image).setLogin(login.message()).build();
    try (CriClient cri = parent.berth().connect()) {
      for (Host host : cri.store().explainRegistry(request).getHostsList()) {
        Map<String, String> told = describe(host);
        if (Terminal.onStdout()) {
          told.forEach((name, value) -> out.println(name + ": " + value));
          out.println();
        } else {
          Json.line(out, told);
        }
      }
    }
    out.flush();
    return CommandLine.ExitCode.OK;
  }

  private static Map<String, String> describe(Host host) {
    Map<String, String> told = new LinkedHashMap<>();
    told.put("host", host.getUrl());
    told.put("capabilities", host.getCapabilities());
    told.put("tls", host.getTls());
    told.put("authentication", host.getAuthentication());
    told.put("answer", host.getAnswer());
    return told;
  }
}
