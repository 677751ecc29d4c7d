import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.ValueSet;

/**
 * The HL7 validator for R4 as one long-lived process, without network or terminology server.
 *
 * <p>Arguments: folders of definitions, JSON or XML. A line in: {"text": a resource, "profiles":
 * [canonical, ...]}. A line out: the issues, [{"severity", "place", "rule", "text"}, ...]. Codes
 * of systems whose content is not here (SNOMED CT, LOINC) are warnings.
 */
public final class Validator {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();
  private static final FhirContext R4 = FhirContext.forR4();

  /** Not a record: this Gson sets fields. */
  private static final class Question {
    String text;
    List<String> profiles;
  }

  private record Issue(String severity, String place, String rule, String text) {}

  public static void main(String[] folders) throws IOException {
    System.setOut(System.err); // some libraries print; answers go where it led before
    FhirValidator validator = validator(definitions(folders));
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
    var out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
    for (String line; (line = in.readLine()) != null; ) {
      out.println(GSON.toJson(issues(validator, GSON.fromJson(line, Question.class))));
      out.flush();
    }
  }

  private static List<Issue> issues(FhirValidator validator, Question question) {
    var options = new ValidationOptions();
    question.profiles.forEach(options::addProfile);
    try {
      return validator.validateWithResult(question.text, options).getMessages().stream()
          .map(Validator::issue)
          .toList();
    } catch (RuntimeException fault) {
      return List.of(new Issue("fatal", "", "", fault.toString()));
    }
  }

  private static Issue issue(SingleValidationMessage found) {
    return new Issue(
        found.getSeverity().getCode(),
        found.getLocationString(),
        found.getMessageId(),
        found.getMessage());
  }

  private static FhirValidator validator(PrePopulatedValidationSupport ours) {
    var unknown = new UnknownCodeSystemWarningValidationSupport(R4);
    unknown.setNonExistentCodeSystemSeverity(IssueSeverity.WARNING);
    var rules =
        new FhirInstanceValidator(
            new ValidationSupportChain(
                ours,
                new DefaultProfileValidationSupport(R4),
                new SnapshotGeneratingValidationSupport(R4),
                new CommonCodeSystemsTerminologyService(R4),
                new InMemoryTerminologyServerValidationSupport(R4),
                unknown));
    rules.setAnyExtensionsAllowed(false);
    rules.setCustomExtensionDomains(
        "https://fhir.hl7.org.uk/", // where UK Core is not here
        "http://hl7.org/fhir/5.0/", // topics as R5 has them, in R4
        "http://hl7.org/fhir/uv/subscriptions-backport/");
    rules.setErrorForUnknownProfiles(true);
    return R4.newValidator().registerValidatorModule(rules);
  }

  private static PrePopulatedValidationSupport definitions(String[] folders) throws IOException {
    var found = new PrePopulatedValidationSupport(R4);
    for (String folder : folders) {
      try (Stream<Path> files = Files.walk(Path.of(folder))) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          add(found, file);
        }
      }
    }
    return found;
  }

  private static void add(PrePopulatedValidationSupport found, Path file) throws IOException {
    IParser parser = file.toString().endsWith(".xml") ? R4.newXmlParser() : R4.newJsonParser();
    IBaseResource resource = parser.parseResource(Files.readString(file));
    if (resource instanceof StructureDefinition definition) {
      found.addStructureDefinition(definition);
    } else if (resource instanceof ValueSet || resource instanceof CodeSystem) {
      found.addResource(resource);
    }
  }
}
