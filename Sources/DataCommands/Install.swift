import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit

struct Install: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Set up filters, hooks, the merge driver and notes for this repository.",
        discussion:
            "With --global or --system only the filters are set, for all repositories of the user or the machine.")

    @Flag(help: "For this repository (the default).") var local = false
    @Flag(help: "The filters for all repositories of the user.") var global = false
    @Flag(help: "The filters for everybody on this machine.") var system = false
    @Flag(help: "Replace filter and driver settings that are not ours.") var force = false
    @Flag(help: "Leave pointers in the work tree; 'git mldata pull' brings content on demand.") var skipSmudge = false
    @Flag(help: "Print what would be written, and write nothing.") var manual = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let scope: Installation.Scope = system ? .system : global ? .global : .local
        if manual {
            ui.write(Installation.manual(scope, skipSmudge: skipSmudge))
            return
        }
        let data = scope == .local ? try DataRepository() : nil
        let chained = try Installation(scope: scope, repository: data?.repository).install(
            skipSmudge: skipSmudge, force: force)
        for name in chained { ui.status("Your \(name) hook is kept and runs before ours.") }
        ui.status("git-ml is set up \(scope == .local ? "in this repository" : "(\(scope.rawValue))").")
    }
}

struct Uninstall: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uninstall",
        abstract: "Take back what 'install' set up; data and pointers stay.")

    @Flag(help: "From this repository (the default).") var local = false
    @Flag(help: "From the user's configuration.") var global = false
    @Flag(help: "From the machine's configuration.") var system = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let scope: Installation.Scope = system ? .system : global ? .global : .local
        let repository = scope == .local ? try Repository() : nil
        try Installation(scope: scope, repository: repository).uninstall()
        ui.status("git-ml is removed \(scope == .local ? "from this repository" : "(\(scope.rawValue))").")
    }
}
