import ArgumentParser

/// When to colour.
public enum ColorChoice: String, ExpressibleByArgument, CaseIterable, Sendable {
    case auto, always, never
}

/// The options every command takes.
public struct CommonOptions: ParsableArguments, Sendable {
    @Option(name: .customShort("C"), help: ArgumentHelp("Run as if started in this folder.", valueName: "dir"))
    public var directory: String?

    @Flag(name: [.customShort("q"), .long], help: "Print errors only.")
    public var quiet = false

    @Option(help: ArgumentHelp("Colour the output: auto, always or never.", valueName: "when"))
    public var color: ColorChoice = .auto

    @Flag(
        inversion: .prefixedNo, help: ArgumentHelp("Show progress even when standard error is no terminal, or never."))
    public var progress: Bool?

    public init() {}
}
