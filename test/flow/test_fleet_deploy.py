#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of docs/deploy for a fleet: what they refer to exists, vdet takes their command lines, systemd takes the
units, and a head and two workers that are started as compose.yaml says do an analysis. Containers are not run."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import unittest

import flow
import nats
import test_worker
from serving import Serving
from test_deploy import free_port

try:
    import yaml
except ImportError:
    yaml = None

DEPLOY = flow.ROOT / "docs" / "deploy"
KUBERNETES = DEPLOY / "kubernetes"


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def words(command):
    return shlex.split(command) if isinstance(command, str) else command


def replace(text, names):
    for name, value in names.items():
        text = text.replace(name, str(value))
    return text


class Options(flow.Flow):
    def takes(self, command, **env):
        """That vdet reads all options, and ends only because of the argument behind them."""
        r = self.vdet(*command, "no-such-argument", code=2, env=self.env | env)
        self.assertRegex(r.stderr, '(unknown|unexpected) argument "no-such-argument"', command)


class Units(Options):
    def unit(self, name):
        text = (DEPLOY / name).read_text().replace("@bindir@", "/usr/bin")
        path = self.dir / name.removesuffix(".in")
        path.write_text(text)
        return path, re.findall(r"^(\w+)=(.*)$", text, re.M)

    def test_the_worker_takes_its_options(self):
        _, lines = self.unit("vdet-worker.service.in")
        (self.dir / "worker.conf").write_text("[fleet]\nurl = nats://head.example:4222\n")
        start = replace(dict(lines)["ExecStart"], {"/etc/vdet/worker.conf": self.dir / "worker.conf", "%d": self.dir})
        self.takes(start.split()[1:])
        unit = dict(lines)
        credential, _ = unit["LoadCredential"].split(":")
        self.assertIn(f"--fleet-creds %d/{credential}", unit["ExecStart"])
        self.assertEqual(unit["KillMode"], "mixed")  # else a stop would end the engine, too

    def test_the_head_takes_its_options(self):
        _, lines = self.unit("vdet.service.in")
        env = dict(v.split("=", 1) for k, v in self.unit("vdet-head.conf")[1] if k == "Environment")
        self.takes(dict(lines)["ExecStart"].split()[1:], **env)
        self.assertEqual(dict(lines)["KillMode"], "mixed")

    def test_systemd_takes_the_units(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not here")
        for name in ("vdet.service.in", "vdet-worker.service.in", "vdet-nats.service"):
            path, lines = self.unit(name)
            r = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False)
            self.assertFalse([f for f in r.stderr.splitlines() if path.name in f and "not executable" not in f])
            offline = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=45", "--no-pager", path],
                                     capture_output=True, text=True, check=False)
            if "unrecognized option" not in offline.stderr:  # an old one
                self.assertEqual(offline.returncode, 0, offline.stdout + offline.stderr)


@unittest.skipIf(yaml is None, "PyYAML is not here; tools/setup test brings it")
class Compose(Options, Serving):
    def setUp(self):
        super().setUp()
        self.compose, = documents(DEPLOY / "compose.yaml")
        self.services = self.compose["services"]

    def environment(self, service):
        return {k: re.sub(r"\$\{\w+:-(.*)\}", r"\1", v) for k, v in service.get("environment", {}).items()}

    def test_what_it_names_exists(self):
        secrets, volumes = self.compose["secrets"], self.compose["volumes"]
        for name, s in self.services.items():
            for secret in s.get("secrets", []):
                self.assertIn(secret, secrets)
            self.assertEqual({f"/run/secrets/{n}" for n in s["secrets"]}, set(re.findall(r"/run/secrets/[\w.-]+", str(s["command"]))))
            for v in s["volumes"]:
                self.assertIn(v.split(":")[0], volumes)
            for other in s.get("depends_on", []):
                self.assertIn(other, self.services)
            for host in re.findall(r"(?:nats|http)://(\w+):", str(s["command"])):
                self.assertIn(host, self.services)
            if "build" in s:
                self.assertTrue((DEPLOY / s["build"]["context"] / s["build"]["dockerfile"]).exists())
                self.takes(words(s["command"]), **self.environment(s))
        self.assertEqual({s["file"] for s in secrets.values()}, {f"fleet/{n}" for n in secrets})
        head = words(self.services["head"]["command"])
        port = head[head.index("--listen") + 1].split(":")[1]
        self.assertTrue(all(p.endswith(":" + port) for p in self.services["head"]["ports"]))

    def test_the_image(self):
        text = (DEPLOY / "Dockerfile").read_text()
        stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, re.M))
        self.assertEqual(set(re.findall(r"--from=(\w+)", text)), stages)
        self.assertIn("/usr/share/vdet/setup engine", text)
        self.assertIn("install_dir: get_option('datadir') / 'vdet'", (flow.ROOT / "docs" / "meson.build").read_text())
        uid = re.search(r"--uid (\d+)", text)[1]
        self.assertIn(f"USER {uid}:{uid}", text)
        for path in KUBERNETES.glob("*.yaml"):
            for user in re.findall(r"image: vdet$", path.read_text(), re.M) and re.findall(r"runAsUser: (\d+)", path.read_text()):
                self.assertEqual(user, uid)

    @unittest.skipIf(nats.program() is None, "nats-server is not here; NATS_SERVER may name one")
    def test_the_fleet_does_an_analysis(self):
        if "built without libnats" in self.vdet("fleet", "--fleet", "nats://127.0.0.1:1", code=None).stderr:
            self.skipTest("vdet was built without libnats")
        secrets, port = self.dir / "secrets", free_port()
        names = [n for n in self.services if n.startswith("worker-")]
        self.vdet("fleet", "creds", secrets, *names, "--new-head", "--nats-store", self.dir / "data", "--nats-listen", "127.0.0.1:-1")
        places = {"/run/secrets": secrets, "0.0.0.0:8080": "127.0.0.1:0", "0.0.0.0:8081": f"127.0.0.1:{port}",
                  "head:8081": f"127.0.0.1:{port}"}
        option, config = words(self.services["nats"]["command"])
        self.assertEqual(option, "-c")
        server = nats.Nats(self.dir, replace(config, places))
        self.addCleanup(server.stop)
        places["nats://nats:4222"] = server.url
        self.env |= {"VDET_FLEET_ACK_WAIT": "600", "VDET_CHUNK_DURATION": "1", "VDET_CHUNK_FRAMES": "2"}

        def command(name, folder):
            return [replace(w, places | {"/var/lib/vdet": folder}) for w in words(self.services[name]["command"])]
        workers = []
        for name in names:
            m = test_worker.Machine(self, name, "--fault", "hold@1")
            workers.append((m, m.start(*command(name, m.dir / "var"))))
        engine = self.engine("--model", "same")
        head = command("head", self.dir / "var")
        at = head.index("--listen")
        s = self.serve(*head[1:at], *head[at + 2:], listen=head[at + 1], env={"VDET_ENGINE_URL": engine.url})
        flow.make_video(self.dir / "a.mp4", 8)
        job = s.upload((self.dir / "a.mp4").read_bytes(), analyze="true").headers["Vdet-Job"]
        for m, _ in workers:  # each has a chunk
            m.engine.control(**{"await": 1})
        listed = json.loads(self.vdet("fleet", "--json", "--fleet", server.url, "--fleet-creds", secrets / "admin.creds").stdout)
        self.assertEqual({w["name"] for w in listed["workers"]}, set(names))
        for m, _ in workers:
            m.engine.control(release=True)
        done = s.wait(f"/jobs/{job}", lambda j: j["state"] in ("done", "holes", "failed"))
        self.assertEqual(done["state"], "done", done)
        self.assertEqual(sum(len(m.engine.stretches()) for m, _ in workers), 8)
        self.assertEqual(engine.stretches(), [])
        self.metric(s)
        for m, p in workers:
            p.send_signal(signal.SIGTERM)
            m.finish(p)
        self.assertEqual(s.stop(), 0)

    def metric(self, s):
        """What the workers are scaled by."""
        text = s.get("/metrics").body.decode()
        self.assertRegex(text, rf"(?m)^{documents(KUBERNETES / 'keda.yaml')[1]['spec']['triggers'][0]['metadata']['valueLocation']} \d")


@unittest.skipIf(yaml is None, "PyYAML is not here; tools/setup test brings it")
class Kubernetes(Options):
    def setUp(self):
        super().setUp()
        self.rules, = documents(KUBERNETES / "kustomization.yaml")
        self.objects = [d for name in self.rules["resources"] for d in documents(KUBERNETES / name)]
        self.sets = {o["metadata"]["name"]: o for o in self.objects if o["kind"] == "StatefulSet"}
        self.services = {o["metadata"]["name"]: o["spec"] for o in self.objects if o["kind"] == "Service"}
        self.secrets = {g["name"]: {os.path.basename(f) for f in g["files"]} for g in self.rules["secretGenerator"]}

    def pods(self):
        for name, o in self.sets.items():
            pod = o["spec"]["template"]["spec"]
            container, = pod["containers"]
            yield name, o["spec"], pod, container

    def ports(self, labels):
        return [p for _, spec, _, c in self.pods() if labels.items() <= spec["template"]["metadata"]["labels"].items()
                for p in c.get("ports", [])]

    def test_each_set_is_whole(self):
        for name, spec, pod, container in self.pods():
            self.assertEqual(spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"])
            volumes = {v["name"]: v for v in pod["volumes"]} | {c["metadata"]["name"]: {} for c in spec.get("volumeClaimTemplates", [])}
            self.assertEqual({m["name"] for m in container["volumeMounts"]}, set(volumes))
            ports = {p["name"] for p in container.get("ports", [])}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                for what in ("httpGet", "tcpSocket"):
                    self.assertIn(container.get(probe, {}).get(what, {}).get("port"), ports | {None})
            files = {}
            for m in container["volumeMounts"]:
                secret = volumes[m["name"]].get("secret")
                if secret and "subPathExpr" in m:
                    files[m["mountPath"]] = m["subPathExpr"].replace("$(POD_NAME)", name + "-0")
                    self.assertIn(files[m["mountPath"]], self.secrets[secret["secretName"]])
                elif secret:
                    files |= {f"{m['mountPath']}/{f}": f for f in self.secrets[secret["secretName"]]}
            for path in re.findall(r"/etc/[\w./-]+", " ".join(container["args"])):
                self.assertIn(path, files)
            maps = {g["name"]: {x.split("=")[0] for x in g["literals"]} for g in self.rules["configMapGenerator"]}
            for e in container.get("env", []):
                ref = e["valueFrom"].get("configMapKeyRef")
                self.assertTrue(not ref or ref["key"] in maps[ref["name"]], e)
            for host, port in re.findall(r"(?:nats|http)://(\w+):(\d+)", " ".join(container["args"])):
                self.assertIn(int(port), [p["port"] for p in self.services[host]["ports"]])

    def test_services_and_policies_name_ports(self):
        for name, s in self.services.items():
            have = {p["containerPort"] for p in self.ports(s["selector"])}
            self.assertLessEqual({p["port"] for p in s["ports"]}, have, name)
        for o in self.objects:
            if o["kind"] == "NetworkPolicy":
                named = {p["name"] for p in self.ports(o["spec"]["podSelector"]["matchLabels"])}
                wanted = {p["port"] for i in o["spec"].get("ingress", []) for p in i["ports"]}
                self.assertLessEqual(wanted, named)

    def test_vdet_takes_the_options(self):
        (self.dir / "access.txt").touch()
        for name, _, _, container in self.pods():
            if container["image"] == "vdet":
                env = {e["name"]: "auto" if e["name"] == "VDET_ENGINE_URL" else "" for e in container["env"] if "VDET_" in e["name"]}
                self.takes([a.replace("$(POD_NAME)", f"{name}-0") for a in container["args"]], **env)

    def test_scaling_ends_where_credentials_do(self):
        n = len(self.secrets["workers"])
        self.assertEqual(self.secrets["workers"], {f"worker-{i}.creds" for i in range(n)})
        (_, keda), (hpa,) = documents(KUBERNETES / "keda.yaml"), documents(KUBERNETES / "hpa.yaml")
        self.assertEqual((keda["spec"]["maxReplicaCount"], hpa["spec"]["maxReplicas"]), (n, n))
        for o in (keda, hpa):
            target = o["spec"]["scaleTargetRef"]
            self.assertEqual(target["kind"], "StatefulSet")
            self.assertIn(target["name"], self.sets)
        trigger = keda["spec"]["triggers"][0]["metadata"]
        self.assertEqual(trigger["valueLocation"], hpa["spec"]["metrics"][0]["external"]["metric"]["name"])
        self.assertTrue(trigger["url"].startswith(f"http://head.{self.rules['namespace']}.svc:8080/"))

    def test_kustomize_takes_them(self):
        if not shutil.which("kubectl"):
            self.skipTest("kubectl is not here")
        folder = self.dir / "kubernetes"
        shutil.copytree(KUBERNETES, folder)
        (folder / "fleet").mkdir()
        for files in self.secrets.values():
            for f in files:
                (folder / "fleet" / f).touch()
        r = subprocess.run(["kubectl", "kustomize", folder], env=self.env | {"HOME": str(self.dir)}, capture_output=True, text=True,
                           check=False)
        self.assertEqual(r.returncode, 0, r.stderr)
        made = list(yaml.safe_load_all(r.stdout))
        names = {(o["kind"], o["metadata"]["name"]) for o in made}
        for o in made:
            if o["kind"] == "StatefulSet":
                for v in o["spec"]["template"]["spec"]["volumes"]:
                    if "secret" in v:
                        self.assertIn(("Secret", v["secret"]["secretName"]), names)


if __name__ == "__main__":
    flow.main()
