import dev.berth.cri.rpc.CriChannel;
import dev.berth.proto.cri.v1.*;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Measures PullImage of CRI servers side by side; see bench/pull, which starts it. For every image
 * the servers take turns: what is there is removed, which is checked, the page cache is written and
 * dropped, and one pull is timed.
 */
class Pull {
  /** USER_HZ, which has been 100 on every Linux of the last decades. */
  private static final double TICKS_PER_SECOND = 100;

  /** A server, and the process that pulls. */
  private record Server(String name, CriChannel channel, Path process) {
    ImageServiceGrpc.ImageServiceBlockingStub images() {
      return ImageServiceGrpc.newBlockingStub(channel.channel());
    }
  }

  /** What one pull took. */
  private record Cost(double seconds, double cpuSeconds, double peakMegabytes) {}

  /** An image and, before a "+", one that is there already and shares layers with it. */
  private record Subject(String base, String image) {
    static Subject of(String text) {
      int plus = text.indexOf('+');
      return new Subject(plus < 0 ? "" : text.substring(0, plus), text.substring(plus + 1));
    }

    String name() {
      String last = image.substring(image.lastIndexOf('/') + 1);
      return base.isEmpty() ? last : last + ", the rest there";
    }
  }

  /** Takes the number of rounds, images with commas between them, and NAME=SOCKET=PID of servers. */
  public static void main(String[] arguments) throws Exception {
    int rounds = Integer.parseInt(arguments[0]);
    List<Server> servers = new ArrayList<>();
    for (String argument : Arrays.copyOfRange(arguments, 2, arguments.length)) {
      String[] parts = argument.split("=", 3);
      servers.add(
          new Server(parts[0], CriChannel.to(Path.of(parts[1])), Path.of("/proc", parts[2])));
    }
    for (String text : arguments[1].split(",")) {
      compare(Subject.of(text), servers, rounds);
    }
    servers.forEach(server -> server.channel().close());
  }

  private static void compare(Subject subject, List<Server> servers, int rounds) throws Exception {
    List<List<Cost>> costs = new ArrayList<>();
    servers.forEach(server -> costs.add(new ArrayList<>()));
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < servers.size(); i++) {
        int turn = (i + round) % servers.size();
        costs.get(turn).add(pull(servers.get(turn), subject));
      }
    }
    StringBuilder line = new StringBuilder(String.format("%-34s", subject.name()));
    List<Cost> medians = costs.stream().map(Pull::median).toList();
    for (int i = 0; i < servers.size(); i++) {
      Cost cost = medians.get(i);
      line.append(String.format(Locale.ROOT, "  %s %6.2f s %6.2f s cpu %5.0f MB",
          servers.get(i).name(), cost.seconds(), cost.cpuSeconds(), cost.peakMegabytes()));
    }
    line.append(String.format(Locale.ROOT, "  %.2f times as fast",
        medians.getLast().seconds() / medians.getFirst().seconds()));
    System.out.println(line);
  }

  private static Cost median(List<Cost> costs) {
    return new Cost(
        costs.stream().mapToDouble(Cost::seconds).sorted().skip(costs.size() / 2).findFirst().orElseThrow(),
        costs.stream().mapToDouble(Cost::cpuSeconds).sorted().skip(costs.size() / 2).findFirst().orElseThrow(),
        costs.stream().mapToDouble(Cost::peakMegabytes).max().orElseThrow());
  }

  private static Cost pull(Server server, Subject subject) throws Exception {
    removeAll(server);
    if (!subject.base().isEmpty()) {
      pull(server, subject.base());
    }
    require(server, subject.image(), false);
    awaitIdle(server);
    dropCaches();
    Files.writeString(server.process().resolve("clear_refs"), "5"); // the peak begins anew
    double cpu = cpuSeconds(server.process());
    long start = System.nanoTime();
    pull(server, subject.image());
    double seconds = (System.nanoTime() - start) / 1e9;
    double used = cpuSeconds(server.process()) - cpu;
    require(server, subject.image(), true);
    return new Cost(seconds, used, peakMegabytes(server.process()));
  }

  private static void pull(Server server, String image) {
    server.images().pullImage(PullImageRequest.newBuilder().setImage(spec(image)).build());
  }

  private static ImageSpec spec(String image) {
    return ImageSpec.newBuilder().setImage(image).build();
  }

  private static void removeAll(Server server) {
    for (Image image : server.images().listImages(ListImagesRequest.getDefaultInstance()).getImagesList()) {
      server.images().removeImage(
          RemoveImageRequest.newBuilder().setImage(spec(image.getId())).build());
    }
    int left = server.images().listImages(ListImagesRequest.getDefaultInstance()).getImagesCount();
    if (left > 0) {
      throw new IllegalStateException(server.name() + " still has " + left + " images");
    }
  }

  private static void require(Server server, String image, boolean there) {
    boolean found = server.images()
        .imageStatus(ImageStatusRequest.newBuilder().setImage(spec(image)).build()).hasImage();
    if (found != there) {
      throw new IllegalStateException(server.name() + (found ? " has " : " has not ") + image);
    }
  }

  /** What a server still does for what it was asked before, deleting for one, is not the pull's. */
  private static void awaitIdle(Server server) throws Exception {
    double before = -1;
    for (double now = cpuSeconds(server.process()); now - before > 0.02; now = cpuSeconds(server.process())) {
      before = now;
      Thread.sleep(500);
    }
  }

  private static void dropCaches() throws Exception {
    new ProcessBuilder("sync").inheritIO().start().waitFor();
    Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
  }

  /** User and system time of a process and of the children it has waited for: proc_pid_stat(5). */
  private static double cpuSeconds(Path process) throws IOException {
    String stat = Files.readString(process.resolve("stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    long ticks = 0;
    for (int i = 11; i <= 14; i++) { // utime, stime, cutime, cstime; the first one here is field 3
      ticks += Long.parseLong(fields[i]);
    }
    return ticks / TICKS_PER_SECOND;
  }

  private static double peakMegabytes(Path process) throws IOException {
    return Files.readAllLines(process.resolve("status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024.0)
        .findFirst()
        .orElseThrow();
  }
}
