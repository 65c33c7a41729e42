package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.sandbox.cdi.CdiDevices;
import dev.berth.sandbox.spec.AppArmorChoice;
import dev.berth.sandbox.spec.CdiInput;
import dev.berth.sandbox.spec.HostDevices;
import dev.berth.sandbox.spec.HostFacts;
import dev.berth.sandbox.spec.HostMounts;
import dev.berth.sandbox.spec.PodResources;
import dev.berth.sandbox.spec.SeccompChoice;
import dev.berth.sandbox.spec.SpecGenerator;
import dev.berth.sandbox.spec.SpecInput;
import dev.berth.sandbox.spec.Users;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Asks the host for what a container's spec needs to know, and has the spec generated. */
final class ContainerSpecs {
  private static final int MAX_PROFILE_BYTES = 4 << 20;

  private final SpecGenerator generator;
  private final HostFacts host;
  private final PodNamespaces namespaces;
  private final PodFiles files;
  private final PodPause pause;
  private final Registry registry;
  private final CdiDevices cdi;
  private final AppArmor appArmor;

  ContainerSpecs(
      SpecGenerator generator,
      HostFacts host,
      PodNamespaces namespaces,
      PodFiles files,
      PodPause pause,
      Registry registry,
      CdiDevices cdi,
      AppArmor appArmor) {
    this.generator = generator;
    this.host = host;
    this.namespaces = namespaces;
    this.files = files;
    this.pause = pause;
    this.registry = registry;
    this.cdi = cdi;
    this.appArmor = appArmor;
  }

  RuntimeSpec generate(
      SandboxRecord sandbox,
      ContainerRecord container,
      ContainerImages.Image image,
      Users.Resolved user,
      Map<Integer, Path> imageVolumes) {
    ContainerConfig config = container.config();
    var security = config.getLinux().getSecurityContext();
    return generator.generate(
        new SpecInput(
            sandbox.id(),
            container.id(),
            sandbox.config(),
            config,
            image.defaults(),
            user,
            pod(sandbox),
            HostMounts.resolve(config.getMountsList(), imageVolumes),
            HostDevices.resolve(config.getDevicesList(), security.getPrivileged()),
            CdiInput.of(cdi.edits(CdiRequests.of(config)), user.ids().uid(), user.ids().gid()),
            pidNamespace(sandbox, security.getNamespaceOptions()),
            localhostSeccomp(SeccompChoice.of(security)),
            appArmor.profile(AppArmorChoice.of(security), security.getPrivileged()),
            host,
            container.cgroup()));
  }

  private PodResources pod(SandboxRecord sandbox) {
    String id = sandbox.id();
    return new PodResources(
        Hostnames.of(sandbox.config()),
        namespaces.pathsOf(id, sandbox.config()),
        PodIds.of(sandbox.config()),
        files.hosts(id),
        files.resolvConf(id),
        files.hostnameFile(id),
        files.shm(id, sandbox.config()));
  }

  private Optional<String> pidNamespace(SandboxRecord sandbox, NamespaceOption options) {
    return switch (options.getPid()) {
      case CONTAINER, NODE -> Optional.empty();
      case TARGET -> Optional.of(ofTarget(sandbox, options.getTargetId()));
      case POD -> Optional.of(ofPod(sandbox));
      case UNRECOGNIZED ->
          throw new BerthException(INVALID_ARGUMENT, "namespace_options.pid: unknown mode");
    };
  }

  private String ofPod(SandboxRecord sandbox) {
    if (!PodPause.isShared(sandbox)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "namespace_options.pid is POD, but the sandbox was run without a pid namespace of its own");
    }
    return pause.namespace(sandbox.id());
  }

  private String ofTarget(SandboxRecord sandbox, String targetId) {
    Container target = registry.containers.require(targetId);
    if (!target.record().sandboxId().equals(sandbox.id())) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "namespace_options.target_id " + Ids.printable(targetId) + " is in another sandbox");
    }
    return target
        .pid()
        .map(pid -> "/proc/" + pid + "/ns/pid")
        .orElseThrow(() ->
            new BerthException(
                FAILED_PRECONDITION,
                "namespace_options.target_id " + Ids.printable(targetId) + " is not running"));
  }

  /** A profile is a seccomp object of the runtime spec in a file of its own. */
  private static Optional<Seccomp> localhostSeccomp(SeccompChoice choice) {
    if (!(choice instanceof SeccompChoice.Localhost(var file))) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      byte[] profile = in.readNBytes(MAX_PROFILE_BYTES);
      String spec = "{\"linux\": {\"seccomp\": " + new String(profile, UTF_8) + "}}";
      return Optional.ofNullable(RuntimeSpec.parse(spec.getBytes(UTF_8)).linux())
          .map(Linux::seccomp);
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "seccomp profile " + file + ": " + e, e);
    } catch (BerthException e) {
      throw e.during("seccomp profile " + file);
    }
  }
}
