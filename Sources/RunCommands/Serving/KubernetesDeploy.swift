import ArgumentParser
import Base
import CommandKit
import ModelKit
import Packaging

/// `git mlrun deploy --kubernetes`: the objects for a cluster.
struct KubernetesOptions: ParsableArguments {
    @Flag(help: "Print the objects for a Kubernetes cluster, instead of moving a ref.") var kubernetes = false
    @Option(help: ArgumentHelp("The image; without a tag or digest, the commit is the tag.", valueName: "ref"))
    var image: String?
    @Option(help: ArgumentHelp("What the objects are called (default: the model).", valueName: "name"))
    var name: String?
    @Option(help: ArgumentHelp("Their namespace.", valueName: "name")) var namespace: String?
    @Option(help: ArgumentHelp("Another revision that gets a share of the requests.", valueName: "rev"))
    var canary: String?
    @Option(help: ArgumentHelp("The canary's image (default: as --image, the tag being its commit).", valueName: "ref"))
    var canaryImage: String?
    @Option(help: ArgumentHelp("The canary's share in percent.", valueName: "n")) var canaryWeight = 10
    @Option(help: ArgumentHelp("Fewest replicas.", valueName: "n")) var minReplicas = 2
    @Option(help: ArgumentHelp("Most replicas.", valueName: "n")) var maxReplicas = 10
    @Option(help: ArgumentHelp("Processor time of a replica.", valueName: "quantity")) var cpu = "500m"
    @Option(help: ArgumentHelp("Memory of a replica.", valueName: "quantity")) var memory = "512Mi"
    @Option(help: ArgumentHelp("Percent of the processor time that replicas shall use.", valueName: "n"))
    var targetCpu = 70
    @Flag(help: "KServe's InferenceService instead.") var kserve = false
    @Flag(help: "Give the objects to kubectl apply.") var apply = false
    @Option(name: .shortAndLong, help: ArgumentHelp("Write them to a file.", valueName: "file")) var output: String?
    @Flag(help: "Print one JSON list.") var json = false

    func run(_ revision: String, model: String?, _ session: RunSession) throws {
        let manifests = try manifests(revision, model, session)
        let objects = kserve ? [manifests.inferenceService] : manifests.objects
        let list: JSON = ["apiVersion": "v1", "kind": "List", "items": .array(objects)]
        let text = json ? list.pretty() : KubernetesManifests.text(objects)
        if let output {
            try Files.writeAtomically(text, to: output)
        } else if !apply {
            session.ui.write(text)
        }
        guard apply else { return }
        let answer: Subprocess.Result
        do {
            answer = try Subprocess(
                ["kubectl", "apply", "-f", "-"], input: Array(text.utf8), output: .inherit, errors: .inherit
            ).run()
        } catch {
            throw MLError(.failed, "cannot run 'kubectl'", hint: "install it, or apply the output without --apply")
        }
        guard answer.status == 0 else {
            throw MLError(.failed, "kubectl did not apply the objects (exit code \(answer.status))")
        }
    }

    private func manifests(_ revision: String, _ model: String?, _ session: RunSession) throws -> KubernetesManifests {
        guard let image else {
            throw MLError(
                .usage, "which image shall run?",
                hint:
                    "push one with 'git mlrun image \(revision) --push HOST/NAME:TAG', and name it: --image HOST/NAME:TAG"
            )
        }
        guard (1...99).contains(canaryWeight) else {
            throw MLError(.usage, "--canary-weight must be from 1 to 99, not \(canaryWeight)")
        }
        guard minReplicas >= 1, maxReplicas >= minReplicas else {
            throw MLError(.usage, "--min-replicas must be at least 1, and --max-replicas not below it")
        }
        guard (1...100).contains(targetCpu) else { throw MLError(.usage, "--target-cpu must be from 1 to 100") }
        for (option, quantity) in [("--cpu", cpu), ("--memory", memory)] where !KubernetesOptions.isQuantity(quantity) {
            throw MLError(.usage, "\(option) is a quantity such as 500m, 2 or 512Mi, not '\(quantity)'")
        }
        for (option, name) in [("--name", name), ("--namespace", namespace)] {
            if let name, KubernetesManifests.label(name) != name {
                throw MLError(
                    .usage, "\(option) must be letters, digits and '-', in small letters, not '\(name)'",
                    hint: "for instance '\(KubernetesManifests.label(name))'")
            }
        }
        let loader = ModelLoader(session.data, progress: session.ui.progress)
        let loaded = try loader.load(revision: revision, path: model)
        let stable = KubernetesManifests.Version(
            commit: loaded.commit?.id.hex ?? "", image: tagged(image, loaded.commit?.id.hex ?? ""))
        let last = Files.lastComponent(of: loaded.path).split(separator: ".").first.map(String.init) ?? "model"
        var manifests = KubernetesManifests(name: name ?? KubernetesManifests.label(last), stable: stable)
        if let canary {
            guard let commit = try loader.load(revision: canary, path: model).commit?.id.hex else { return manifests }
            let own = canaryImage ?? KubernetesOptions.withoutTag(image)
            manifests.canary = KubernetesManifests.Version(commit: commit, image: tagged(own, commit))
        }
        manifests.namespace = namespace
        manifests.canaryWeight = canaryWeight
        manifests.minimum = minReplicas
        manifests.maximum = maxReplicas
        manifests.cpu = cpu
        manifests.memory = memory
        manifests.targetCPU = targetCpu
        return manifests
    }

    private func tagged(_ image: String, _ commit: String) -> String {
        KubernetesOptions.withoutTag(image) == image ? image + ":" + commit.prefix(12) : image
    }

    /// `host:5000/name:tag@sha256:…` without tag and digest.
    private static func withoutTag(_ image: String) -> String {
        let bare = image.split(separator: "@", omittingEmptySubsequences: false).first.map(String.init) ?? image
        guard let colon = bare.lastIndex(of: ":"), !bare[colon...].contains("/") else { return bare }
        return String(bare[..<colon])
    }

    /// Digits, perhaps a fraction, and a suffix (Kubernetes API reference, "Quantity").
    private static func isQuantity(_ text: String) -> Bool {
        let number = text.prefix { $0.isNumber || $0 == "." }
        let suffixes = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"]
        return Double(number).map { $0 > 0 } == true && suffixes.contains(String(text.dropFirst(number.count)))
    }
}
