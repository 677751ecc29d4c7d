import com.sun.management.OperatingSystemMXBean;
import io.github.linuxforhealth.hl7.ConverterOptions;
import io.github.linuxforhealth.hl7.HL7ToFHIRConverter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * LinuxForHealth's converter, asked to convert the messages of a folder in turn.
 *
 * <p>A line in: how many. A line out: the nanoseconds of processor time that the process used for
 * them, by the clock, and the characters of FHIR that came out of the last.
 */
public final class Convert {
  public static void main(String[] folder) throws IOException {
    PrintStream out = System.out;
    System.setOut(System.err); // some libraries print
    var options = new ConverterOptions.Builder().build();
    var converter = new HL7ToFHIRConverter();
    List<String> messages = messages(Path.of(folder[0]));
    var machine = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    var in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      int length = 0;
      long used = machine.getProcessCpuTime();
      long begun = System.nanoTime();
      for (int i = 0; i < Integer.parseInt(line); i++) {
        length = converter.convert(messages.get(i % messages.size()), options).length();
      }
      long taken = System.nanoTime() - begun;
      out.println((machine.getProcessCpuTime() - used) + " " + taken + " " + length);
      out.flush();
    }
  }

  private static List<String> messages(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().map(Convert::text).toList();
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException fault) {
      throw new IllegalStateException(fault);
    }
  }
}
