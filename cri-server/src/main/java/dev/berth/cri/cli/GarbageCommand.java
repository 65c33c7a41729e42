package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.CollectGarbageRequest;
import dev.berth.proto.berth.v1.Item;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code berth gc}. */
@Command(
    name = "gc",
    description = "Deletes what nobody needs in the image store; exact bytes on disk.")
final class GarbageCommand extends CriCommand {
  @Option(names = "--dry-run", description = "delete nothing, only tell")
  private boolean dryRun;

  @Option(names = "--explain", description = "tell of everything, and who needs it")
  private boolean explain;

  @Override
  int run(CriClient cri) {
    var request = CollectGarbageRequest.newBuilder().setDryRun(dryRun).setExplain(explain).build();
    List<Item> items = new ArrayList<>();
    cri.store().collectGarbage(request).forEachRemaining(part -> items.addAll(part.getItemsList()));
    if (Terminal.onStdout()) {
      printTable(items);
    } else {
      items.forEach(item -> Json.line(out(), json(item)));
    }
    return OK;
  }

  private void printTable(List<Item> items) {
    Table table = new Table("WHAT", "NAME", "SIZE", "NEEDED BY");
    long garbage = 0;
    for (Item item : items) {
      String holders =
          item.getHoldersCount() == 0 ? "nobody" : String.join("; ", item.getHoldersList());
      table.row(item.getKind(), item.getName(), Text.bytes(item.getUsedBytes()), holders);
      garbage += item.getHoldersCount() == 0 ? item.getUsedBytes() : 0;
    }
    table.print(out());
    out().println((dryRun ? "to be freed: " : "freed: ") + Text.bytes(garbage));
  }

  private Map<String, Object> json(Item item) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("kind", item.getKind());
    json.put("name", item.getName());
    json.put("bytes", item.getUsedBytes());
    json.put("holders", List.copyOf(item.getHoldersList()));
    json.put("deleted", !dryRun && item.getHoldersCount() == 0);
    return json;
  }
}
