// Runs MSBuild's own engine (Microsoft.Build) over a project: Driver ENGINE-FOLDER PROJECT TARGETS [NAME=VALUE]...
//
// The engine comes without its standard tasks (Microsoft.Build.Tasks.Core): the few that the targets use are here, with the
// parameters and the behaviour that those have. Everything else is the engine's: evaluation, items, conditions, batching,
// the order of targets, and what becomes of a tool's lines in the canonical form.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using Microsoft.Build.Evaluation;
using Microsoft.Build.Execution;
using Microsoft.Build.Framework;

public static class Driver
{
    public static int Main(string[] args)
    {
        string engine = Path.GetFullPath(args[0]);
        AssemblyLoadContext.Default.Resolving += (context, name) =>
        {
            string path = Path.Combine(engine, name.Name + ".dll");
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        };
        string home = Path.GetDirectoryName(typeof(Driver).Assembly.Location);
        string executable = Path.Combine(home, "MSBuild.dll");
        File.WriteAllText(executable, "");
        Environment.SetEnvironmentVariable("MSBUILD_EXE_PATH", executable);
        return Build(args.Skip(1).ToArray());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Build(string[] args)
    {
        var properties = new Dictionary<string, string>();
        foreach (string pair in args.Skip(2)) properties[pair.Split('=', 2)[0]] = pair.Split('=', 2)[1];
        using var projects = new ProjectCollection(properties);
        var project = projects.LoadProject(Path.GetFullPath(args[0])).CreateProjectInstance();
        bool ok = project.Build(args[1].Split(';'), new ILogger[] { new Lines() });
        return ok ? 0 : 1;
    }
}

public class Lines : ILogger
{
    public LoggerVerbosity Verbosity { get; set; }
    public string Parameters { get; set; }
    public void Initialize(IEventSource source)
    {
        source.TargetStarted += (s, e) => Console.WriteLine("target " + e.TargetName);
        source.MessageRaised += (s, e) => { if (e.Importance == MessageImportance.High) Console.WriteLine("message " + e.Message); };
        source.WarningRaised += (s, e) => Console.WriteLine("warning [" + e.File + "] [" + e.Code + "] " + e.Message);
        source.ErrorRaised += (s, e) => Console.WriteLine("error [" + e.File + "] [" + e.Code + "] " + e.Message);
    }
    public void Shutdown() { }
}

public abstract class StandIn : ITask
{
    public IBuildEngine BuildEngine { get; set; }
    public ITaskHost HostObject { get; set; }
    public abstract bool Execute();

    protected void Say(string text, MessageImportance importance) =>
        BuildEngine.LogMessageEvent(new BuildMessageEventArgs(text, null, GetType().Name, importance));
    protected void Warn(string file, string code, string text) =>
        BuildEngine.LogWarningEvent(new BuildWarningEventArgs(null, code, file, 0, 0, 0, 0, text, null, GetType().Name));
    protected void Fail(string file, string code, string text) =>
        BuildEngine.LogErrorEvent(new BuildErrorEventArgs(null, code, file, 0, 0, 0, 0, text, null, GetType().Name));
}

public class Exec : StandIn
{
    [Required] public string Command { get; set; }

    // The canonical form: origin, category, code, text.
    static readonly Regex Canonical = new Regex(@"^(?<origin>[^:]*?)\s*:\s*(?<category>error|warning)\s+(?<code>[^: ]+)\s*:\s*(?<text>.*)$");

    public override bool Execute()
    {
        Say(Command, MessageImportance.High);
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("export LANG=en_US.UTF-8; " + Command);
        using var process = Process.Start(start);
        bool failed = false;
        void Line(string line)
        {
            if (line == null) return;
            lock (this)
            {
                Match match = Canonical.Match(line);
                if (!match.Success) Say(line, MessageImportance.High);
                else if (match.Groups["category"].Value == "warning") Warn(match.Groups["origin"].Value, match.Groups["code"].Value, match.Groups["text"].Value);
                else { failed = true; Fail(match.Groups["origin"].Value, match.Groups["code"].Value, match.Groups["text"].Value); }
            }
        }
        process.OutputDataReceived += (s, e) => Line(e.Data);
        process.ErrorDataReceived += (s, e) => Line(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        if (process.ExitCode != 0) Fail(null, "MSB3073", "The command \"" + Command + "\" exited with code " + process.ExitCode + ".");
        return process.ExitCode == 0 && !failed;
    }
}

public class WriteLinesToFile : StandIn
{
    [Required] public ITaskItem File { get; set; }
    public ITaskItem[] Lines { get; set; }
    public bool Overwrite { get; set; }

    public override bool Execute()
    {
        var lines = (Lines ?? new ITaskItem[0]).Select(line => line.ItemSpec);
        if (Overwrite) System.IO.File.WriteAllLines(File.ItemSpec, lines);
        else System.IO.File.AppendAllLines(File.ItemSpec, lines);
        return true;
    }
}

public class MakeDir : StandIn
{
    [Required] public ITaskItem[] Directories { get; set; }
    public override bool Execute()
    {
        foreach (var directory in Directories) Directory.CreateDirectory(directory.ItemSpec);
        return true;
    }
}

public class RemoveDir : StandIn
{
    [Required] public ITaskItem[] Directories { get; set; }
    public override bool Execute()
    {
        foreach (var directory in Directories)
            if (Directory.Exists(directory.ItemSpec)) Directory.Delete(directory.ItemSpec, true);
        return true;
    }
}

public class Copy : StandIn
{
    [Required] public ITaskItem[] SourceFiles { get; set; }
    public ITaskItem[] DestinationFiles { get; set; }
    public ITaskItem DestinationFolder { get; set; }
    public override bool Execute()
    {
        for (int i = 0; i < SourceFiles.Length; i++)
        {
            string source = SourceFiles[i].ItemSpec;
            string target = DestinationFiles != null
                ? DestinationFiles[i].ItemSpec
                : Path.Combine(DestinationFolder.ItemSpec, Path.GetFileName(source));
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target)));
            System.IO.File.Copy(source, target, true);
        }
        return true;
    }
}

public class Message : StandIn
{
    public string Text { get; set; }
    public string Importance { get; set; }
    public override bool Execute()
    {
        Say(Text, Importance == "high" ? MessageImportance.High : MessageImportance.Normal);
        return true;
    }
}

public class Warning : StandIn
{
    public string Text { get; set; }
    public string Code { get; set; }
    public override bool Execute() { Warn(BuildEngine.ProjectFileOfTaskNode, Code, Text); return true; }
}

public class Error : StandIn
{
    public string Text { get; set; }
    public string Code { get; set; }
    public override bool Execute() { Fail(BuildEngine.ProjectFileOfTaskNode, Code, Text); return false; }
}
