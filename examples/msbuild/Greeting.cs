public static class Greeting
{
    public static string For(string name) { return "Hello, " + name + "."; }
}
