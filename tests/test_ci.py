"""What the repository offers to CI servers does what it says: the action's step in a repository of its own, the templates as YAML."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from checkout import ROOT

OLD = """table inet f {
  chain forward {
    type filter hook forward priority 0; policy drop;
    include "inside.nft"
  }
}
"""
INSIDE = '    ct state established,related accept\n    iifname "inside" accept\n'
#: The same with a rule less.
CHANGED = "    ct state established,related accept\n"


def git(folder, *arguments):
    """Run git there, with a name to commit under; returns what it prints."""
    names = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with a ruleset of two files and a capture, and a change in the working tree; and the commit of before."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(ROOT / "captures" / "web.pcap", folder)
    (folder / "fw.nft").write_text(OLD)
    (folder / "inside.nft").write_text(INSIDE)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    base = git(folder, "rev-parse", "HEAD")
    (folder / "inside.nft").write_text(CHANGED)
    git(folder, "commit", "-q", "-a", "-m", "second")
    return folder, base


def path_with_pcapaudit(tmp_path):
    """PATH on which ``pcapaudit`` is the one under test."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "pcapaudit"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pcapaudit "$@"\n')
    program.chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


def step(folder, tmp_path, **inputs):
    """Run the action's step as its runner would."""
    page = tmp_path / "page.md"
    given = {"RULES": "fw.nft", "CAPTURES": "web.pcap", "BASE": "", "ALLOW": "", "FAIL_ON": "low", "OPTIONS": "", "SARIF": "out.sarif"}
    environment = {**os.environ, **given, **inputs, "PATH": path_with_pcapaudit(tmp_path), "GITHUB_STEP_SUMMARY": str(page)}
    done = subprocess.run(
        ["bash", str(ROOT / "ci" / "github.sh")], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, page.read_text() if page.exists() else ""


def test_step_compares_with_the_base(repository, tmp_path):
    """The blocked connections annotate the line of the policy; files that the ruleset includes are those of the base."""
    folder, base = repository
    done, page = step(folder, tmp_path, BASE=base)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error title=pcapaudit (newly-blocked),file=fw.nft,line=3::Newly blocked: ")
    assert "## pcapaudit diff: failed" in page
    assert json.loads((folder / "out.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "newly-blocked"
    assert git(folder, "worktree", "list").count("\n") == 0


def test_step_passes_what_is_allowed(repository, tmp_path):
    """The exit code is that of the comparison."""
    folder, base = repository
    done, page = step(folder, tmp_path, BASE=base, ALLOW="newly-blocked reason-changed")
    assert (done.returncode, "passed" in page) == (0, True), done.stderr


def test_step_audits_without_a_base(repository, tmp_path):
    """And for a ruleset that the base does not have."""
    folder, base = repository
    git(folder, "mv", "fw.nft", "new.nft")
    done, page = step(folder, tmp_path, BASE=base, RULES="new.nft", FAIL_ON="never")
    assert done.returncode == 0, done.stderr
    assert "an audit instead" in done.stderr
    assert "## pcapaudit audit: passed" in page


def test_action_gives_its_step_every_input():
    """Inputs and environment variables go together."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    variables = action["runs"]["steps"][1]["env"]
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} == set(variables.values())
    script = (ROOT / "ci" / "github.sh").read_text()
    assert all(f"${name}" in script or f"${{{name}" in script for name in variables)


def test_template_is_yaml_with_a_job():
    """Its reports are the files that its script writes."""
    template = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())
    job = template[".pcapaudit"]
    script = "\n".join(job["script"])
    assert all(f"={file}" in script for file in job["artifacts"]["reports"].values())
    assert template["pcapaudit"]["extends"] == ".pcapaudit"


def test_hook_checks_every_file_on_its_own(tmp_path):
    """Two rulesets with the same table are no conflict; one that cannot be read fails, and the other is read all the same."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    good = tmp_path / "good.nft"
    good.write_text(OLD.replace('    include "inside.nft"\n', INSIDE))
    bad = tmp_path / "bad.nft"
    bad.write_text("table inet f {\n  chian c {\n  }\n}\n")
    environment = {**os.environ, "PATH": path_with_pcapaudit(tmp_path)}

    def run(*files):
        return subprocess.run([*shlex.split(hook["entry"]), *map(str, files)], env=environment, capture_output=True, text=True, check=False)

    assert run(good, good).returncode == 0
    done = run(bad, good)
    assert done.returncode == 1
    assert "bad.nft:2:3" in done.stderr
    assert "1 tables, 1 chains" in done.stdout
    assert re.search(hook["files"], "fw/office.policy.toml")
