"""What an action does and how far it reaches, in words; English is `core.deed`'s, which the card keeps."""

from core.catalogue import Phrase

_POD_REACH = Phrase(
    "all {pods} pods of {resource}", "{resource} 的全部 {pods} 个 Pod", "{resource} 的全部 {pods} 個 Pod"
)
_ONE = Phrase("one instance: {resource}", "一个实例：{resource}", "一個執行個體：{resource}")
_CONTAINER = Phrase("one container, and whoever is connected to it", "一个容器及其连接", "一個容器及其連線")
_CALL = Phrase(
    "call the registered endpoint {endpoint} ({action})",
    "调用已登记的端点 {endpoint}（{action}）",
    "呼叫已登記的端點 {endpoint}（{action}）",
)
_NOTHING = Phrase("nothing that runs", "不影响任何运行中的对象", "不影響任何執行中的對象")
_RESOURCE = Phrase("{resource}", "{resource}", "{resource}")

DOES = {
    "rollout_restart": Phrase(
        "replace the pods of {resource} by new ones, as its rollout allows",
        "按发布策略用新 Pod 替换 {resource} 的 Pod",
        "依發布策略以新 Pod 取代 {resource} 的 Pod",
    ),
    "scale": Phrase(
        "run {replicas} pods of {resource} in place of {now}",
        "将 {resource} 的 Pod 数从 {now} 改为 {replicas}",
        "將 {resource} 的 Pod 數從 {now} 改為 {replicas}",
    ),
    "evict_pod": Phrase(
        "evict the pod {pod}, as far as its disruption budget allows",
        "在中断预算内驱逐 Pod {pod}",
        "在中斷預算內驅逐 Pod {pod}",
    ),
    "rollout_to_revision": Phrase(
        "go to revision {revision}; revision {now} runs now",
        "切换到修订版 {revision}（当前为 {now}）",
        "切換到修訂版 {revision}（目前為 {now}）",
    ),
    "set_resources": Phrase(
        "set the limits and requests of {container} to {limits}",
        "将 {container} 的资源限额与请求设为 {limits}",
        "將 {container} 的資源限額與請求設為 {limits}",
    ),
    "docker_update": Phrase(
        "set the limits of the container {resource} to {limits}",
        "将容器 {resource} 的限额设为 {limits}",
        "將容器 {resource} 的限額設為 {limits}",
    ),
    "cordon": Phrase("let no new pods onto {resource}", "禁止新 Pod 调度到 {resource}", "禁止新 Pod 排程到 {resource}"),
    "docker_restart": Phrase("restart the container {resource}", "重启容器 {resource}", "重新啟動容器 {resource}"),
    "docker_start": Phrase("start the container {resource}", "启动容器 {resource}", "啟動容器 {resource}"),
    "docker_stop": Phrase("stop the container {resource}", "停止容器 {resource}", "停止容器 {resource}"),
    "ssh_command": Phrase("run on {resource}: {line}", "在 {resource} 上执行：{line}", "在 {resource} 上執行：{line}"),
    "config_change": Phrase(
        "set {endpoint} to {value} in place of {now}",
        "将 {endpoint} 从 {now} 改为 {value}",
        "將 {endpoint} 從 {now} 改為 {value}",
    ),
    "open_ticket": Phrase("open a ticket in {endpoint}", "在 {endpoint} 中创建工单", "在 {endpoint} 中建立工單"),
    "deploy_rollback": Phrase(
        "deploy {version} again in place of {release}",
        "重新部署 {version}，取代 {release}",
        "重新部署 {version}，取代 {release}",
    ),
    "restart_instance": Phrase("restart {resource}", "重启 {resource}", "重新啟動 {resource}"),
    **dict.fromkeys(("http", "switch_route", "throttle", "invoke_script"), _CALL),
}
REACH = {
    **dict.fromkeys(("rollout_restart", "set_resources", "rollout_to_revision"), _POD_REACH),
    "scale": Phrase("the number of pods of {resource}", "{resource} 的 Pod 数量", "{resource} 的 Pod 數量"),
    "evict_pod": Phrase(
        "one of {pods} pods of {resource}", "{resource} 的 {pods} 个 Pod 之一", "{resource} 的 {pods} 個 Pod 之一"
    ),
    "cordon": Phrase(
        "new pods on that node; running ones stay",
        "该节点上的新 Pod；运行中的不受影响",
        "該節點上的新 Pod；執行中的不受影響",
    ),
    **dict.fromkeys(("docker_restart", "docker_start", "docker_stop", "docker_update"), _CONTAINER),
    "ssh_command": Phrase(
        "whatever the account may do on {resource}",
        "该账号在 {resource} 上的一切权限",
        "該帳號在 {resource} 上的一切權限",
    ),
    "config_change": Phrase("everything that reads this setting", "所有读取此配置的对象", "所有讀取此設定的對象"),
    "open_ticket": _NOTHING,
    "deploy_rollback": Phrase("all instances of {resource}", "{resource} 的所有实例", "{resource} 的所有執行個體"),
    "restart_instance": _ONE,
    **dict.fromkeys(("http", "switch_route", "throttle", "invoke_script"), _RESOURCE),
}
"""Keys are action types. What is missing here is said in the words of the card."""
