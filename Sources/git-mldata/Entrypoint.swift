import CommandKit
import DataCommands

@main
enum Entrypoint {
    static func main() { Program.main(DataProgram.self) }
}
